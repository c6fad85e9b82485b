"""Words of memory that several threads read and write, and calls by address: what Numba's Python lacks, as LLVM has it.

All operations are atomic and sequentially consistent: every thread sees them happen in one and the same order.
"""

from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types

intrinsic: Any = extending.intrinsic  # what it makes of a function takes other arguments than that

WORD_BYTES = 8
_word, _int = ir.IntType(64), ir.IntType(32)


def _place(context, builder, array_type, array, index):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


@intrinsic
def load(typingctx, words, index):
    def codegen(context, builder, signature, args):
        place = _place(context, builder, signature.args[0], *args)
        return builder.load_atomic(place, "seq_cst", WORD_BYTES)

    return types.int64(words, types.intp), codegen


@intrinsic
def store(typingctx, words, index, value):
    def codegen(context, builder, signature, args):
        place = _place(context, builder, signature.args[0], *args[:2])
        builder.store_atomic(args[2], place, "seq_cst", WORD_BYTES)
        return context.get_dummy_value()

    return types.void(words, types.intp, types.int64), codegen


@intrinsic
def exchange(typingctx, words, index, value):
    """Store a value and return the one before."""

    def codegen(context, builder, signature, args):
        place = _place(context, builder, signature.args[0], *args[:2])
        return builder.atomic_rmw("xchg", place, args[2], "seq_cst")

    return types.int64(words, types.intp, types.int64), codegen


@intrinsic
def add(typingctx, words, index, value):
    """Add a value and return the sum."""

    def codegen(context, builder, signature, args):
        place = _place(context, builder, signature.args[0], *args[:2])
        return builder.add(builder.atomic_rmw("add", place, args[2], "seq_cst"), args[2])

    return types.int64(words, types.intp, types.int64), codegen


@intrinsic
def replace(typingctx, words, index, old, new):
    """Store `new` if `old` is what is there, and return whether it was."""

    def codegen(context, builder, signature, args):
        place = _place(context, builder, signature.args[0], *args[:2])
        return builder.extract_value(builder.cmpxchg(place, args[2], args[3], "seq_cst"), 1)

    return types.boolean(words, types.intp, types.int64, types.int64), codegen


_PAUSES = {"x86_64": ("llvm.x86.sse2.pause", []), "aarch64": ("llvm.aarch64.hint", [ir.Constant(_int, 1)])}


@intrinsic
def pause(typingctx):
    """Tell the core that this thread waits for a word to change; its sibling may have the arithmetic units."""

    def codegen(context, builder, signature, args):
        name, operands = _PAUSES.get(builder.module.triple.partition("-")[0], (None, []))
        if name is not None:
            nothing = ir.FunctionType(ir.VoidType(), [operand.type for operand in operands])
            builder.call(cgutils.get_or_insert_function(builder.module, nothing, name), operands)
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def call(typingctx, address, first, second):
    """Call a C function of two words, by its address, and return its int."""

    def codegen(context, builder, signature, args):
        function = ir.FunctionType(_int, [_word, _word]).as_pointer()
        return builder.call(builder.inttoptr(args[0], function), args[1:])

    return types.int32(types.intp, types.intp, types.intp), codegen


@intrinsic
def packed(typingctx, kernel, args):
    """The address of a block, on the stack of the calling function: a kernel's address and its arguments."""

    def codegen(context, builder, signature, values):
        kernel, given = values
        given = [builder.extract_value(given, n) for n in range(len(signature.args[1]))]
        given = [_without_owner(context, builder, *each) for each in zip(signature.args[1], given, strict=True)]
        with builder.goto_entry_block():
            place = builder.alloca(block_type(context, signature.args[1]))
        for n, value in enumerate([kernel, *given]):
            builder.store(value, builder.gep(place, [_index(0), _index(n)]))
        return builder.ptrtoint(place, _word)

    return types.intp(kernel, args), codegen


@intrinsic
def entry(typingctx, kernel, args):
    """The address of a function (shard, block) that calls the kernel in the block with its arguments."""

    def codegen(context, builder, signature, values):
        return builder.ptrtoint(add_entry(context, builder.module, signature.args[1], "internal"), _word)

    return types.intp(kernel, args), codegen


def block_type(context, kinds):
    """A struct of a kernel's address and arguments of these types, which the kernel takes by value."""
    return ir.LiteralStructType([_word, *(context.get_value_type(kind) for kind in kinds)])


def add_entry(context, module, kinds, linkage):
    """Add a C function (shard, block) to a module, which calls the kernel in such a block."""
    block = block_type(context, kinds)
    function = ir.Function(module, ir.FunctionType(_int, [_word, _word]), "scratchnn_entry")
    function.linkage = linkage
    builder = ir.IRBuilder(function.append_basic_block())
    shard, address = function.args
    place = builder.inttoptr(address, block.as_pointer())
    kernel, *given = (builder.load(builder.gep(place, [_index(0), _index(n)])) for n in range(len(block.elements)))
    kernel_type = ir.FunctionType(context.get_value_type(types.void), [_word, *block.elements[1:]])
    builder.call(builder.inttoptr(kernel, kernel_type.as_pointer()), [shard, *given])
    builder.ret(ir.Constant(_int, 0))
    return function


def _without_owner(context, builder, kind, value):
    """An array that no longer points at what counts references to its memory: whoever has the block has the array."""
    if not isinstance(kind, types.Array):
        return value
    array = context.make_array(kind)(context, builder, value)
    array.meminfo = cgutils.get_null_value(array.meminfo.type)
    array.parent = cgutils.get_null_value(array.parent.type)
    return array._getvalue()


def _index(n):
    return ir.Constant(_int, n)
