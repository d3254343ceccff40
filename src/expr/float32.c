/* Programs that are one operation on Float32. */
#include <math.h>

#include "program.h"

static bool is_float32(double x)
{
    return (double)(float)x == x;
}

/* A register, which one of the loads before has filled. */
static bool take_plane(const fn_run *run, const fn_instruction *loads, size_t n_loads, int32_t source, int k,
                       fn_float32_operands *of)
{
    size_t i = 0;
    while (i < n_loads && loads[i].target != source)
        i++;
    if (i == n_loads)
        return false;
    const fn_plane *plane = &run->taps[loads[i].source[0]];
    if (plane->type != FN_FLOAT32 || (run->nodata && plane->mask))
        return false;
    const bool drops = run->nodata && plane->nodata.set && is_float32(plane->nodata.value.f);
    of->in[k] = plane->data;
    of->nodata[k] = drops ? (float)plane->nodata.value.f : NAN;
    return true;
}

static bool take_operand(const fn_run *run, const fn_instruction *loads, size_t n_loads, int32_t source, int k,
                         fn_float32_operands *of)
{
    if (source >= 0)
        return take_plane(run, loads, n_loads, source, k, of);
    const double constant = run->program->constants[-1 - source];
    of->constant[k] = (float)constant;
    return is_float32(constant);
}

bool fn_run_float32(const fn_run *run, size_t n)
{
    const fn_instruction *loads = run->program->code + run->begin, *operation = loads,
                         *end = loads + (run->end - run->begin);
    while (operation < end && operation->op == FN_LOAD)
        operation++;
    const size_t n_loads = (size_t)(operation - loads);
    if (n_loads == 0 || end - operation != 2 || operation->op >= FN_OP_COUNT || operation[1].op != FN_STORE ||
        operation[1].source[0] != operation->target)
        return false;
    const fn_float32_kernel kernel = run->kernels->float32[operation->op];
    const fn_sink *sink = &run->outputs[operation[1].target];
    if (!kernel || sink->type != FN_FLOAT32)
        return false;
    fn_float32_operands of = {.out = sink->data};
    for (int k = 0; k < fn_op_operands((fn_op)operation->op); k++)
        if (!take_operand(run, loads, n_loads, operation->source[k], k, &of))
            return false;
    of.stored_nodata = sink->nodata.set ? (float)sink->nodata.value.f : NAN;
    of.beside =
        sink->equals_stay ? of.stored_nodata : nextafterf(of.stored_nodata, of.stored_nodata == 0 ? 1.0f : 0.0f);
    kernel(&of, n);
    return true;
}
