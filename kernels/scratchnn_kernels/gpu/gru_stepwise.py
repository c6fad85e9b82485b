"""GRU with more units than registers hold: a product and one kernel of gru_step.cu for every step."""

from scratchnn_kernels.contract import Array
from scratchnn_kernels.gpu import device, projection
from scratchnn_kernels.gpu.recurrent import launch_step


def forward(
    ax: Array,
    Wh: Array,
    bx: Array,
    bh: Array,
    mask: Array | None,
    dropout_h: Array | None,
    h: Array,
    gates: Array,
    ah_g: Array | None,
    defines: device.Defines,
) -> None:
    """Fill h, gates and ah_g, where step t is in slot t % len. h[0] is given."""
    T, B, _ = ax.shape
    H = len(Wh)
    dropout_zr, dropout_g = split_dropout(dropout_h)
    Wh_zr, Wh_g = Wh[:, : 2 * H], Wh[:, 2 * H :]
    for t in range(T):
        h_t, h_after, gates_t = h[t % len(h)], h[(t + 1) % len(h)], gates[t % len(gates)]
        if ah_g is not None:
            ah = projection.forward(h_t, Wh, dropout_h)  # (1), without bh
            launch_step(
                "gru_step.cu", "gru_step_forward", defines, B, H,
                ax[t], ah, bx, bh, mask, h_t, h_after, gates_t, ah_g[t % len(ah_g)], t, T,
            )  # fmt: skip
        else:
            ah, rh = projection.forward(h_t, Wh_zr, dropout_zr), device.empty((B, H), h.dtype)  # (1)
            launch_step(
                "gru_step.cu", "gru_reset_before_step_forward_gates", defines, B, H, ax[t], ah, bx, h_t, gates_t, rh
            )
            q = projection.forward(rh, Wh_g, dropout_g)  # (4)
            launch_step(
                "gru_step.cu", "gru_reset_before_step_forward_state", defines, B, H,
                ax[t], q, bx, mask, h_t, h_after, gates_t, t, T,
            )  # fmt: skip


def backward(
    dy: Array | None,
    Wh: Array,
    mask: Array | None,
    dropout_h: Array | None,
    h: Array,
    gates: Array,
    ah_g: Array | None,
    dh: Array,
    dax: Array,
    dah: Array,
    defines: device.Defines,
) -> None:
    """Fill dax and dah, and turn dh, the gradient with respect to the last state, into that of the initial one."""
    T, B, _ = dax.shape
    H, dtype = len(Wh), h.dtype
    dropout_zr, dropout_g = split_dropout(dropout_h)
    Wh_zr, Wh_g = Wh[:, : 2 * H], Wh[:, 2 * H :]
    for t in reversed(range(T)):
        if ah_g is not None:
            launch_step(
                "gru_step.cu", "gru_step_backward", defines, B, H,
                dy, mask, h[t], gates[t], ah_g[t], dh, dax[t], dah[t], t, T,
            )  # fmt: skip
            dh += projection.backward_x(dah[t], Wh, dropout_h)  # (1)
        else:
            da_z, da_g = device.empty((B, H), dtype), device.empty((B, H), dtype)
            launch_step(
                "gru_step.cu", "gru_reset_before_step_backward_state", defines, B, H,
                dy, mask, h[t], gates[t], dh, da_z, da_g, t, T,
            )  # fmt: skip
            d_rh = projection.backward_x(da_g, Wh_g, dropout_g)  # (4)
            launch_step(
                "gru_step.cu", "gru_reset_before_step_backward_gates", defines, B, H,
                h[t], gates[t], d_rh, da_z, da_g, dh, dax[t],
            )  # fmt: skip
            dh += projection.backward_x(dax[t, :, : 2 * H], Wh_zr, dropout_zr)  # (1)


def split_dropout(dropout_h: Array | None) -> tuple[Array | None, Array | None]:
    """The masks of (1) and of (4), which are separate products when the reset gate acts before its product."""
    return (None, None) if dropout_h is None else (dropout_h[:2], dropout_h[2:])
