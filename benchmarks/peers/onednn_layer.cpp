// One recurrent layer as oneDNN computes it: its own primitives, called directly, behind a few C functions.
//
// run_onednn.py compiles this with g++ against the headers and the library of oneDNN 3. Arrays come and go in oneDNN's
// plain layouts, which are ours but for x, y and their gradients, where time is first:
//
//     x (T, B, D)   y (T, B, H)   Wx (D, G, H)   Wh (H, G, H)   b (G, H), of a GRU (4, H)
//
// Inside, weights are in whatever layout the primitive likes best. As they change with every step of training, putting
// them into it is a part of each training step, and not a part of a forward pass in inference.

#include <omp.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <unordered_map>
#include <utility>
#include <vector>

#include "oneapi/dnnl/dnnl.hpp"

using dnnl::memory;
using tag = memory::format_tag;

namespace {

enum Kind { SIMPLE_RNN, GRU, LSTM };

struct Sizes {
    Kind kind;
    memory::dim T, B, D, H;
    memory::dim gates() const { return kind == LSTM ? 4 : kind == GRU ? 3 : 1; }
    memory::dim biases() const { return kind == GRU ? 4 : gates(); }  // z, r, g, and the one inside of r ⊙ (...)
};

memory::desc plain(memory::dims dims, tag format) { return {dims, memory::data_type::f32, format}; }

// The descriptors that forward and backward pass share; `format` of the weights: any, or plain.
struct Descriptors {
    memory::desc x, y, h, Wx, Wh, b;
    Descriptors(const Sizes& s, tag format)
        : x(plain({s.T, s.B, s.D}, tag::tnc)),
          y(plain({s.T, s.B, s.H}, tag::tnc)),
          h(plain({1, 1, s.B, s.H}, tag::ldnc)),
          Wx(plain({1, 1, s.D, s.gates(), s.H}, format)),
          Wh(plain({1, 1, s.H, s.gates(), s.H}, format)),
          b(plain({1, 1, s.biases(), s.H}, tag::ldgo)) {}
};

class Layer {
public:
    Layer(Sizes sizes, bool training)
        : engine(dnnl::engine::kind::cpu, 0), stream(engine), sizes(sizes), training(training) {
        auto prop = training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
        auto left_to_right = dnnl::rnn_direction::unidirectional_left2right;
        auto tanh = dnnl::algorithm::eltwise_tanh;
        Descriptors d(sizes, tag::any), w(sizes, tag::ldigo);
        // The initial state is given, as zeros: without one, the gradient of Wh of oneDNN 3.2 is wrong.
        auto& h0 = d.h;
        if (sizes.kind == LSTM) {
            dnnl::lstm_forward::primitive_desc pd(
                engine, prop, left_to_right, d.x, h0, h0, d.Wx, d.Wh, d.b, d.y, d.h, d.h);
            make_forward(pd, dnnl::lstm_forward(pd));
            forward_args[DNNL_ARG_SRC_ITER_C] = zeros(d.h);
            forward_args[DNNL_ARG_DST_ITER_C] = memory(d.h, engine);
            if (training) {
                dnnl::lstm_backward::primitive_desc back(
                    engine, dnnl::prop_kind::backward, left_to_right, d.x, h0, h0, d.Wx, d.Wh, d.b, d.y, d.h, d.h,
                    d.x, h0, h0, d.Wx, d.Wh, d.b, d.y, d.h, d.h, pd);
                make_backward(back, dnnl::lstm_backward(back));
                backward_args[DNNL_ARG_SRC_ITER_C] = forward_args[DNNL_ARG_SRC_ITER_C];
                backward_args[DNNL_ARG_DST_ITER_C] = forward_args[DNNL_ARG_DST_ITER_C];
                backward_args[DNNL_ARG_DIFF_SRC_ITER_C] = memory(d.h, engine);
                backward_args[DNNL_ARG_DIFF_DST_ITER_C] = zeros(d.h);
            }
        } else if (sizes.kind == GRU) {
            dnnl::lbr_gru_forward::primitive_desc pd(
                engine, prop, left_to_right, d.x, h0, d.Wx, d.Wh, d.b, d.y, d.h);
            make_forward(pd, dnnl::lbr_gru_forward(pd));
            if (training) {
                dnnl::lbr_gru_backward::primitive_desc back(
                    engine, dnnl::prop_kind::backward, left_to_right, d.x, h0, d.Wx, d.Wh, d.b, d.y, d.h,
                    d.x, h0, d.Wx, d.Wh, d.b, d.y, d.h, pd);
                make_backward(back, dnnl::lbr_gru_backward(back));
            }
        } else {
            dnnl::vanilla_rnn_forward::primitive_desc pd(
                engine, prop, tanh, left_to_right, d.x, h0, d.Wx, d.Wh, d.b, d.y, d.h);
            make_forward(pd, dnnl::vanilla_rnn_forward(pd));
            if (training) {
                dnnl::vanilla_rnn_backward::primitive_desc back(
                    engine, dnnl::prop_kind::backward, tanh, left_to_right, d.x, h0, d.Wx, d.Wh, d.b, d.y, d.h,
                    d.x, h0, d.Wx, d.Wh, d.b, d.y, d.h, pd);
                make_backward(back, dnnl::vanilla_rnn_backward(back));
            }
        }
        Wx = memory(w.Wx, engine, nullptr);
        Wh = memory(w.Wh, engine, nullptr);
        dWx = memory(w.Wx, engine, nullptr);
        dWh = memory(w.Wh, engine, nullptr);
    }

    void set_weights(float* Wx_, float* Wh_, float* b) {
        Wx.set_data_handle(Wx_);
        Wh.set_data_handle(Wh_);
        forward_args[DNNL_ARG_BIAS].set_data_handle(b);
        put_in_order(forward_args);
    }

    void run_forward(float* x, float* y, float* h_last) {
        if (training) put_in_order(forward_args);
        forward_args[DNNL_ARG_SRC_LAYER].set_data_handle(x);
        forward_args[DNNL_ARG_DST_LAYER].set_data_handle(y);
        forward_args[DNNL_ARG_DST_ITER].set_data_handle(h_last);
        forward.execute(stream, forward_args);
        stream.wait();
    }

    // After run_forward with the same x, y, h_last, which are read again. The gradients of the weights are written.
    void run_backward(float* x, float* y, float* h_last, float* dy, float* dh_last,
                      float* dx, float* dWx_, float* dWh_, float* db) {
        put_in_order(backward_args);
        backward_args[DNNL_ARG_BIAS].set_data_handle(forward_args[DNNL_ARG_BIAS].get_data_handle());
        const std::pair<int, float*> handles[] = {
            {DNNL_ARG_SRC_LAYER, x}, {DNNL_ARG_DST_LAYER, y}, {DNNL_ARG_DST_ITER, h_last},
            {DNNL_ARG_DIFF_DST_LAYER, dy}, {DNNL_ARG_DIFF_DST_ITER, dh_last},
            {DNNL_ARG_DIFF_SRC_LAYER, dx}, {DNNL_ARG_DIFF_BIAS, db}};
        for (auto& [which, data] : handles) backward_args[which].set_data_handle(data);
        dWx.set_data_handle(dWx_);
        dWh.set_data_handle(dWh_);
        const std::pair<int, memory*> weights[] = {
            {DNNL_ARG_DIFF_WEIGHTS_LAYER, &dWx}, {DNNL_ARG_DIFF_WEIGHTS_ITER, &dWh}};
        for (auto [which, plain] : weights)
            if (backward_args[which].get_desc() == plain->get_desc())
                backward_args[which].set_data_handle(plain->get_data_handle());
        for (int which : {DNNL_ARG_DIFF_WEIGHTS_LAYER, DNNL_ARG_DIFF_WEIGHTS_ITER, DNNL_ARG_DIFF_BIAS})
            clear(backward_args[which]);  // oneDNN adds to the gradients of weights
        backward.execute(stream, backward_args);
        for (auto [which, plain] : weights)
            if (backward_args[which].get_desc() != plain->get_desc()) reorder(backward_args[which], *plain);
        stream.wait();
    }

private:
    using Args = std::unordered_map<int, memory>;

    template <typename Description>
    void make_forward(const Description& pd, dnnl::primitive primitive) {
        forward = primitive;
        forward_args = shared_args(pd);
        workspace = training ? memory(pd.workspace_desc(), engine) : memory();
        if (training) forward_args[DNNL_ARG_WORKSPACE] = workspace;
    }

    template <typename Description>
    void make_backward(const Description& pd, dnnl::primitive primitive) {
        backward = primitive;
        backward_args = shared_args(pd);
        backward_args[DNNL_ARG_WORKSPACE] = workspace;
        backward_args[DNNL_ARG_DIFF_SRC_LAYER] = memory(pd.diff_src_layer_desc(), engine, nullptr);
        backward_args[DNNL_ARG_DIFF_SRC_ITER] = memory(pd.diff_src_iter_desc(), engine);
        backward_args[DNNL_ARG_DIFF_WEIGHTS_LAYER] = memory(pd.diff_weights_layer_desc(), engine);
        backward_args[DNNL_ARG_DIFF_WEIGHTS_ITER] = memory(pd.diff_weights_iter_desc(), engine);
        backward_args[DNNL_ARG_DIFF_BIAS] = memory(pd.diff_bias_desc(), engine, nullptr);
        backward_args[DNNL_ARG_DIFF_DST_LAYER] = memory(pd.diff_dst_layer_desc(), engine, nullptr);
        backward_args[DNNL_ARG_DIFF_DST_ITER] = memory(pd.diff_dst_iter_desc(), engine, nullptr);
    }

    template <typename Description>
    Args shared_args(const Description& pd) {
        return {{DNNL_ARG_SRC_LAYER, memory(pd.src_layer_desc(), engine, nullptr)},
                {DNNL_ARG_SRC_ITER, zeros(pd.src_iter_desc())},
                {DNNL_ARG_WEIGHTS_LAYER, memory(pd.weights_layer_desc(), engine)},
                {DNNL_ARG_WEIGHTS_ITER, memory(pd.weights_iter_desc(), engine)},
                {DNNL_ARG_BIAS, memory(pd.bias_desc(), engine, nullptr)},
                {DNNL_ARG_DST_LAYER, memory(pd.dst_layer_desc(), engine, nullptr)},
                {DNNL_ARG_DST_ITER, memory(pd.dst_iter_desc(), engine, nullptr)}};
    }

    // The weights in the layout that the primitive has chosen; where that is the plain one, they stay where they are.
    void put_in_order(Args& args) {
        for (auto [plain, which] : {std::pair(&Wx, DNNL_ARG_WEIGHTS_LAYER), std::pair(&Wh, DNNL_ARG_WEIGHTS_ITER)})
            if (args[which].get_desc() == plain->get_desc())
                args[which].set_data_handle(plain->get_data_handle());
            else
                reorder(*plain, args[which]);
    }

    // A reorder is a primitive too, and making one costs more than running it: it is made once for each pair of layouts.
    void reorder(memory& from, memory& to) {
        for (auto& known : reorders)
            if (known.from == from.get_desc() && known.to == to.get_desc()) {
                known.primitive.execute(stream, from, to);
                return;
            }
        reorders.push_back({from.get_desc(), to.get_desc(), dnnl::reorder(from, to)});
        reorders.back().primitive.execute(stream, from, to);
    }

    memory zeros(const memory::desc& desc) {
        memory made(desc, engine);
        clear(made);
        return made;
    }

    static void clear(memory& m) { memset(m.get_data_handle(), 0, m.get_desc().get_size()); }

    struct Reorder {
        memory::desc from, to;
        dnnl::reorder primitive;
    };

    dnnl::engine engine;
    dnnl::stream stream;
    Sizes sizes;
    bool training;
    dnnl::primitive forward, backward;
    Args forward_args, backward_args;
    memory workspace, Wx, Wh, dWx, dWh;
    std::vector<Reorder> reorders;
};

template <typename Work>
int tried(Work work) {
    try {
        work();
        return 0;
    } catch (const std::exception& error) {
        fprintf(stderr, "oneDNN: %s\n", error.what());
        return 1;
    }
}

}  // namespace

extern "C" {

const char* version() {
    static char text[32];
    const dnnl_version_t* v = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
    return text;
}

void set_threads(int threads) { omp_set_num_threads(threads); }

void* make_layer(int kind, int64_t T, int64_t B, int64_t D, int64_t H, int training) {
    Layer* layer = nullptr;
    tried([&] { layer = new Layer({Kind(kind), T, B, D, H}, training); });
    return layer;
}

void free_layer(void* layer) { delete static_cast<Layer*>(layer); }

int set_weights(void* layer, float* Wx, float* Wh, float* b) {
    return tried([&] { static_cast<Layer*>(layer)->set_weights(Wx, Wh, b); });
}

int forward(void* layer, float* x, float* y, float* h_last) {
    return tried([&] { static_cast<Layer*>(layer)->run_forward(x, y, h_last); });
}

int backward(void* layer, float* x, float* y, float* h_last, float* dy, float* dh_last,
             float* dx, float* dWx, float* dWh, float* db) {
    return tried([&] {
        static_cast<Layer*>(layer)->run_backward(x, y, h_last, dy, dh_last, dx, dWx, dWh, db);
    });
}

}  // extern "C"
