/* Running a program block by block. */
#include "program.h"

/* Planes of the members, where results go, and what sorting needs. */
static size_t planes_bytes(const fn_sorted_list *list)
{
    return fn_aligned((size_t)list->n_members * sizeof(fn_plane)) +
           fn_aligned((size_t)list->n_targets * sizeof(double *));
}

size_t fn_program_list_bytes(const fn_program *program)
{
    size_t most = 0;
    for (int i = 0; i < program->n_lists; i++) {
        const size_t bytes = planes_bytes(&program->lists[i]) + fn_list_scratch_bytes(program->lists[i].orders);
        most = bytes > most ? bytes : most;
    }
    return fn_aligned(most);
}

static void sort_list(const fn_run *run, const fn_sorted_list *list, size_t first, size_t n)
{
    fn_plane *planes = run->lists;
    double **out = (double **)(void *)((char *)run->lists + fn_aligned((size_t)list->n_members * sizeof *planes));
    for (int32_t k = 0; k < list->n_members; k++)
        planes[k] = list->taps
                        ? run->taps[list->member[k]]
                        : (fn_plane){.data = run->registers + (size_t)list->member[k] * FN_BLOCK, .type = FN_FLOAT64};
    for (int32_t t = 0; t < list->n_targets; t++)
        out[t] = run->registers + (size_t)list->target[t] * FN_BLOCK;
    fn_list_run(list->orders, run->kernels->simd, planes, list->taps ? first : 0, n, run->nodata, out,
                (char *)run->lists + planes_bytes(list));
}

size_t fn_run_block(const fn_run *run, size_t first, size_t n)
{
    const fn_program *program = run->program;
    const fn_kernels *kernels = run->kernels;
    const fn_kernel *operations = run->nodata ? kernels->nodata : kernels->ieee;
    const size_t lanes = (n + FN_LANES - 1) / FN_LANES * FN_LANES;
    uint32_t left_out = 0;
    for (const fn_instruction *in = program->code + run->begin, *end = program->code + run->end; in < end; in++) {
        if (in->unless & left_out)
            continue;
        double *target = run->registers + (size_t)in->target * FN_BLOCK;
        switch (in->op) {
        case FN_JUDGE:
            left_out |= kernels->judge(target, n, run->nodata) << (2 * in->source[1]);
            break;
        case FN_SORT:
            sort_list(run, &program->lists[in->target], first, n);
            break;
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
    return (size_t)e->program.n_registers * FN_BLOCK * sizeof(double) + fn_program_list_bytes(&e->program) +
           FN_ALIGNMENT;
}

fn_run fn_run_of(const fn_expr *e, const fn_kernels *kernels, const fn_plane *inputs, const fn_sink *outputs,
                 void *scratch)
{
    double *registers = fn_align(scratch);
    return (fn_run){.program = &e->program,
                    .kernels = kernels,
                    .nodata = e->nodata,
                    .taps = inputs,
                    .outputs = outputs,
                    .registers = registers,
                    .lists = registers + (size_t)e->program.n_registers * FN_BLOCK,
                    .end = e->program.n_code};
}

static fn_status run_with(const fn_expr *e, const fn_kernels *kernels, size_t n, const fn_plane *inputs,
                          const fn_sink *outputs, void *scratch, size_t *bad, fn_error *err)
{
    if (e->looks_around)
        return fn_fail(err, FN_ERR_ARGUMENT, "the expression looks at neighbors, and there are none");
    const fn_run run = fn_run_of(e, kernels, inputs, outputs, scratch);
    if (fn_run_float32(&run, n))
        return FN_OK;
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
