/* Running a program block by block. */
#include "program.h"

static bool is_doubles(const fn_plane *plane, bool nodata)
{
    return plane->type == FN_FLOAT64 && (!nodata || (!plane->nodata.set && !plane->mask));
}

/* A program that computes nothing, from or to a plane of doubles as steps have them, needs no register. False: it is
 * none. */
static bool copy_block(const fn_run *run, size_t first, size_t n, size_t *done)
{
    const fn_instruction *code = run->program->code;
    if (run->program->n_code != 2 || code[0].op != FN_LOAD || code[1].op != FN_STORE)
        return false;
    const fn_plane *from = &run->taps[code[0].source[0]];
    const fn_sink *to = &run->outputs[code[1].target];
    if (is_doubles(from, run->nodata))
        *done = run->kernels->store[to->type](to, first, (const double *)from->data + first, n);
    else if (run->is_step)
        *done = run->kernels->load[from->type]((double *)to->data + first, from, first, n, run->nodata);
    else
        return false;
    return true;
}

size_t fn_run_block(const fn_run *run, size_t first, size_t n)
{
    const fn_program *program = run->program;
    const fn_kernels *kernels = run->kernels;
    size_t copied;
    if (copy_block(run, first, n, &copied))
        return copied;
    const fn_kernel *operations = run->nodata ? kernels->nodata : kernels->ieee;
    const size_t lanes = (n + FN_LANES - 1) / FN_LANES * FN_LANES;
    for (const fn_instruction *in = program->code, *end = in + program->n_code; in < end; in++) {
        double *target = run->registers + (size_t)in->target * FN_BLOCK;
        switch (in->op) {
        case FN_LOAD: {
            const fn_plane *plane = &run->taps[in->source[0]];
            size_t done = kernels->load[plane->type](target, plane, first, n, run->nodata);
            if (done < n)
                return done;
            for (size_t i = n; i < lanes; i++)
                target[i] = 0;
            break;
        }
        case FN_FILL:
            for (size_t i = 0; i < lanes; i++)
                target[i] = program->constants[-1 - in->source[0]];
            break;
        case FN_STORE: {
            const fn_sink *sink = &run->outputs[in->target];
            size_t done = kernels->store[sink->type](sink, first, run->registers + (size_t)in->source[0] * FN_BLOCK, n);
            if (done < n)
                return done;
            break;
        }
        default: {
            const double *operand[3];
            int step[3];
            for (int k = 0; k < 3; k++) {
                const int32_t s = in->source[k];
                step[k] = s >= 0;
                operand[k] = s >= 0 ? run->registers + (size_t)s * FN_BLOCK : &program->constants[-1 - s];
            }
            operations[in->op](target, operand, step, lanes);
        }
        }
    }
    return n;
}

fn_status fn_run_fails(fn_error *err)
{
    return fn_fail(err, FN_ERR_VALUE,
                   "a 64 bit integer of 2^53 or beyond cannot be told from a rounded one in double precision");
}

size_t fn_expr_scratch_bytes(const fn_expr *e)
{
    return (size_t)e->program.n_registers * FN_BLOCK * sizeof(double) + FN_ALIGNMENT;
}

static fn_status run_with(const fn_expr *e, const fn_kernels *kernels, size_t n, const fn_plane *inputs,
                          const fn_sink *outputs, void *scratch, size_t *bad, fn_error *err)
{
    if (e->looks_around)
        return fn_fail(err, FN_ERR_ARGUMENT, "the expression looks at neighbors, and there are none");
    const fn_run run = {&e->program, kernels, e->nodata, false, inputs, outputs, fn_align(scratch)};
    for (size_t first = 0; first < n; first += FN_BLOCK) {
        const size_t block = n - first < FN_BLOCK ? n - first : FN_BLOCK;
        const size_t done = fn_run_block(&run, first, block);
        if (done < block) {
            if (bad)
                *bad = first + done;
            return fn_run_fails(err);
        }
    }
    return FN_OK;
}

fn_status fn_expr_run_simd(const fn_expr *e, fn_simd simd, size_t n, const fn_plane *inputs, const fn_sink *outputs,
                           void *scratch, size_t *bad, fn_error *err)
{
    if (!fn_simd_available(simd))
        return fn_fail(err, FN_ERR_ARGUMENT, "this machine has no %s", fn_simd_name(simd));
    return run_with(e, fn_kernels_get(simd), n, inputs, outputs, scratch, bad, err);
}

fn_status fn_expr_run(const fn_expr *e, size_t n, const fn_plane *inputs, const fn_sink *outputs, void *scratch,
                      size_t *bad, fn_error *err)
{
    return run_with(e, e->kernels, n, inputs, outputs, scratch, bad, err);
}
