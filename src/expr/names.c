/* Names of rasters and stacks: their bands, and the neighbours of their pixels. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "array.h"
#include "neighborhood.h"
#include "parser.h"

/* A name as it is written: A, A[2], A[*], A[2:5], A[-1,0], A[2,-1,0], A[2][-1,0]. */
typedef struct reference {
    const char *name;
    int length; /* of the name, for messages */
    uint32_t position;
    fn_expr_name is;
    bool bare;              /* without a band */
    long first, last, step; /* bands */
    bool is_range;
    int row, column;
} reference;

/* What stands in brackets. */
typedef struct indices {
    enum { FN_INDEX_NONE, FN_INDEX_NUMBERS, FN_INDEX_RANGE } kind;
    long number[3]; /* of a range: from, to, step */
    bool given[3];
    int count;
    uint32_t position;
} indices;

/* A whole number with its sign. */
static fn_status read_index(fn_parser *p, const reference *r, long *index)
{
    char *end = NULL;
    errno = 0;
    const bool begins = isdigit((unsigned char)p->at[*p->at == '-' || *p->at == '+']);
    *index = begins ? strtol(p->at, &end, 10) : 0;
    if (!end || errno || *end == '.' || fn_name_begin(*end))
        return fn_parser_complain(p, fn_parser_here(p),
                                  "expected a whole number in %.*s[...]: a band from 1, bands as in %.*s[2:5] or "
                                  "%.*s[*], or the row and the column of a neighbor as in %.*s[-1,0]",
                                  r->length, r->name, r->length, r->name, r->length, r->name, r->length, r->name);
    p->at = end;
    fn_parser_skip_space(p);
    return FN_OK;
}

/* Numbers with ':' between them, any of which may be left out, up to the bracket. */
static fn_status read_range(fn_parser *p, const reference *r, indices *read)
{
    read->kind = FN_INDEX_RANGE;
    for (int i = read->count;; i++) {
        if (*p->at != ':' && *p->at != ']') {
            const fn_status status = read_index(p, r, &read->number[i]);
            if (status != FN_OK)
                return status;
            read->given[i] = true;
        }
        if (*p->at != ':' || i == 2)
            return FN_OK;
        p->at++;
        fn_parser_skip_space(p);
    }
}

static fn_status read_indices(fn_parser *p, const reference *r, indices *read)
{
    const char *behind = p->at;
    fn_status status = FN_OK;
    fn_parser_skip_space(p);
    if (*p->at != '[') {
        p->at = behind;
        return FN_OK;
    }
    read->kind = FN_INDEX_NUMBERS;
    do {
        p->at++;
        if (read->count == 3)
            return fn_parser_complain(p, fn_parser_here(p), "%.*s[...] takes three numbers at most: band, row, column",
                                      r->length, r->name);
        fn_parser_skip_space(p);
        read->position = read->count == 0 ? fn_parser_here(p) : read->position;
        if (read->count == 0 && *p->at == '*') {
            p->at++;
            fn_parser_skip_space(p);
            read->kind = FN_INDEX_RANGE;
            break;
        }
        if (*p->at == ':' && read->count == 0)
            break;
        if ((status = read_index(p, r, &read->number[read->count])) != FN_OK)
            return status;
        read->given[read->count++] = true;
    } while (*p->at == ',');
    if (*p->at == ':' && read->count <= 1) {
        p->at++;
        fn_parser_skip_space(p);
        read->count = 1;
        if ((status = read_range(p, r, read)) != FN_OK)
            return status;
    }
    if (*p->at != ']')
        return fn_parser_complain(p, fn_parser_here(p), "expected ']' after the %s",
                                  read->kind == FN_INDEX_RANGE ? "bands"
                                  : read->count == 1           ? "band number"
                                                               : "column");
    p->at++;
    return FN_OK;
}

/* ---- bands ---- */

static fn_status take_range(fn_parser *p, reference *r, const indices *range)
{
    const int most = r->is.bands;
    if (most == 0)
        return fn_parser_complain(p, range->position, "how many bands %.*s has is not known here: give each band",
                                  r->length, r->name);
    r->is_range = true;
    r->first = range->given[0] ? range->number[0] : 1;
    r->last = range->given[1] ? range->number[1] : most;
    r->step = range->given[2] ? range->number[2] : 1;
    if (r->step < 1)
        return fn_parser_complain(p, range->position, "the step from band to band is at least 1");
    if (r->first < 1 || r->last > most || r->first > r->last)
        return fn_parser_complain(p, range->position,
                                  "there are no bands %ld to %ld in %.*s: it has %d, counted from 1, and %.*s[2:4] is "
                                  "2, 3 and 4",
                                  r->first, r->last, r->length, r->name, most, r->length, r->name);
    if (r->is.members > 0 && most > 1)
        return fn_parser_complain(
            p, range->position,
            "the members of %.*s have %d bands each; write %.*s[2] for the list of their second bands", r->length,
            r->name, most, r->length, r->name);
    return FN_OK;
}

static fn_status take_band(fn_parser *p, reference *r, long band, uint32_t position)
{
    const bool negative = band < 0 && r->is.bands > 1;
    if (band < 1 || band > 65535)
        return fn_parser_complain(p, position,
                                  "expected a band number from 1 in %.*s[...]%s%.*s%s; a neighbor has two numbers, as "
                                  "in %.*s[-1,0]",
                                  r->length, r->name, negative ? ", or last(" : "", negative ? r->length : 0, r->name,
                                  negative ? "[*])" : "", r->length, r->name);
    r->bare = false;
    r->first = r->last = band;
    return FN_OK;
}

static fn_status take_neighbor(fn_parser *p, reference *r, const long *offset, uint32_t position)
{
    for (int k = 0; k < 2; k++) {
        const fn_status status = fn_parser_check_offset(p, position, (double)offset[k]);
        if (status != FN_OK)
            return status;
    }
    r->row = (int)offset[0];
    r->column = (int)offset[1];
    return FN_OK;
}

/* Reads what stands behind the name. */
static fn_status read_brackets(fn_parser *p, reference *r)
{
    indices at = {.kind = FN_INDEX_NONE}, beside = {.kind = FN_INDEX_NONE};
    fn_status status = read_indices(p, r, &at);
    if (status != FN_OK || at.kind == FN_INDEX_NONE)
        return status;
    const bool away = at.kind == FN_INDEX_NUMBERS && at.count > 1;
    if (at.kind == FN_INDEX_RANGE) {
        r->bare = false;
        status = take_range(p, r, &at);
    } else if (at.count != 2)
        status = take_band(p, r, at.number[0], at.position);
    if (status == FN_OK && away)
        status = take_neighbor(p, r, &at.number[at.count - 2], at.position);
    if (status == FN_OK && !away)
        status = read_indices(p, r, &beside);
    if (status != FN_OK || beside.kind == FN_INDEX_NONE)
        return status;
    if (beside.kind != FN_INDEX_NUMBERS || beside.count != 2)
        return fn_parser_complain(p, beside.position,
                                  "a neighbor of %.*s[%ld] has a row and a column, as in "
                                  "%.*s[%ld][-1,0]",
                                  r->length, r->name, r->first, r->length, r->name, r->first);
    return take_neighbor(p, r, beside.number, beside.position);
}

/* ---- nodes ---- */

static fn_status find_input(fn_parser *p, uint32_t position, int raster, int band, int *index)
{
    fn_inputs *in = p->inputs;
    int i = in->count;
    while (--i >= 0 && (in->items[i].raster != raster || in->items[i].band != band))
        ;
    *index = i;
    if (i >= 0) {
        in->items[i].in_text = true;
        return FN_OK;
    }
    fn_type type = FN_FLOAT64;
    fn_error reason = {.text = ""};
    if (p->options->resolve && p->options->resolve(p->options->user, raster, band, &type, &reason) != FN_OK)
        return fn_parser_complain(p, position, "%s", reason.text);
    if (!fn_reserve(&in->items, &in->capacity, (size_t)in->count + 1, sizeof *in->items))
        return fn_parser_no_memory(p);
    struct fn_input input = {.raster = raster, .band = band, .type = type, .scale = 1, .in_text = true};
    if (p->options->scale)
        p->options->scale(p->options->user, raster, band, &input.scale, &input.offset);
    *index = in->count;
    in->items[in->count++] = input;
    return FN_OK;
}

/* What a stored value means. */
static int32_t unscale(fn_graph *g, const struct fn_input *input, int32_t node)
{
    const double factors[] = {input->scale, input->offset};
    int32_t constants[2];
    for (int i = 0; i < 2; i++)
        constants[i] = fn_graph_const(g, factors[i], factors[i] == floor(factors[i]) ? FN_INT : FN_REAL);
    if (input->scale != 1)
        node = fn_graph_op(g, FN_OP_MUL, node, constants[0], FN_NO_CHILD);
    return input->offset != 0 ? fn_graph_op(g, FN_OP_ADD, node, constants[1], FN_NO_CHILD) : node;
}

fn_status fn_parser_input_node(fn_parser *p, int input, int row, int column, int32_t *node)
{
    fn_inputs *in = p->inputs;
    int i = in->n_taps;
    while (--i >= 0 && (in->taps[i].input != input || in->taps[i].row != row || in->taps[i].column != column))
        ;
    if (i < 0) {
        if (!fn_reserve(&in->taps, &in->tap_capacity, (size_t)in->n_taps + 1, sizeof *in->taps))
            return fn_parser_no_memory(p);
        i = in->n_taps;
        in->taps[in->n_taps++] = (struct fn_input_tap){input, row, column};
    }
    *node = fn_graph_input(p->graph, i, fn_type_is_integer(in->items[input].type) ? FN_INT : FN_REAL);
    *node = unscale(p->graph, &in->items[input], *node);
    return *node >= 0 ? FN_OK : fn_parser_no_memory(p);
}

fn_status fn_parser_check_offset(fn_parser *p, uint32_t position, double offset)
{
    if (offset != floor(offset) || fabs(offset) > FN_OFFSET_MAX)
        return fn_parser_complain(p, position, "a neighbor is a whole number of rows and columns away, up to %d",
                                  FN_OFFSET_MAX);
    return p->options->georeference
               ? FN_OK
               : fn_parser_complain(p, position, "neighbors cannot be looked at here: each pixel comes alone");
}

static fn_status band_node(fn_parser *p, const reference *r, int raster, long band, int32_t *node)
{
    int input;
    const fn_status status = find_input(p, r->position, raster, (int)band, &input);
    return status == FN_OK ? fn_parser_input_node(p, input, r->row, r->column, node) : status;
}

/* The bands of one raster, or the band of each member. */
static fn_status push_list(fn_parser *p, const reference *r)
{
    const int32_t first = p->n_members;
    const int rasters = r->is.members > 0 ? r->is.members : 1;
    for (int m = 0; m < rasters; m++)
        for (long band = r->first; band <= r->last; band += r->step) {
            int32_t node = -1;
            fn_status status = band_node(p, r, r->is.raster + m, band, &node);
            if (status == FN_OK)
                status = fn_parser_add_member(p, node);
            if (status != FN_OK)
                return status;
        }
    return fn_parser_push_operand(
        p, (fn_operand){.node = first, .is_list = true, .count = p->n_members - first, .position = r->position});
}

/* Is this an argument, at any depth, of what takes a list? */
static bool is_in_list_function(const fn_parser *p)
{
    for (int32_t i = 0; i < p->n_stack; i++)
        if (p->stack[i].kind == FN_WAITING_CALL && p->stack[i].rule->action == FN_DO_LIST)
            return true;
    return false;
}

/* The bands that a name alone means. */
static fn_status take_bare(fn_parser *p, reference *r)
{
    fn_inputs *in = p->inputs;
    const int bands = r->is.bands;
    if (p->options->flatten && r->is.members == 0 && bands > 1 && is_in_list_function(p)) {
        r->first = 1;
        r->last = bands;
        r->is_range = true;
        return FN_OK;
    }
    if (bands > 1 && in->agree && in->bands > 1 && in->bands != bands)
        return fn_parser_complain(p, r->position,
                                  "%.*s has %d bands, those before have %d: bands are computed one by "
                                  "one, so all must have as many, or 1",
                                  r->length, r->name, bands, in->bands);
    in->bands = bands > in->bands ? bands : in->bands;
    r->first = r->last = bands > 0 && p->band > bands ? bands : p->band;
    return FN_OK;
}

static bool find_letter(const char *name, size_t n, fn_expr_name *found)
{
    *found = (fn_expr_name){.raster = *name - 'A'};
    return n == 1 && *name >= 'A' && *name <= 'Z';
}

fn_status fn_parser_read_raster(fn_parser *p, bool *known, fn_error *reason)
{
    const size_t n = fn_name_length(p->at);
    reference r = {.name = p->at, .position = fn_parser_here(p), .bare = true, .step = 1};
    r.length = (int)(n < 60 ? n : 60);
    *known = p->options->find ? p->options->find(p->options->user, p->at, n, &r.is, reason) == FN_OK
                              : find_letter(p->at, n, &r.is);
    if (!*known)
        return FN_OK;
    p->at += n;
    fn_status status = read_brackets(p, &r);
    if (status == FN_OK && r.bare)
        status = take_bare(p, &r);
    if (status != FN_OK)
        return status;
    if (r.is_range || r.is.members > 0)
        return push_list(p, &r);
    fn_operand o = {.position = r.position};
    status = band_node(p, &r, r.is.raster, r.first, &o.node);
    return status == FN_OK ? fn_parser_push_operand(p, o) : status;
}
