/* Division, and how a constant divides: by a multiplication and two fused steps, in two thirds of the time at best.
 * Included by kernels_template.h.
 *
 * The bits are the same, where nothing overflows and nothing is subnormal (Brisebarre, Muller and Raina, "Accelerating
 * correctly rounded floating-point division when the divisor is known in advance", 2004). A zero would lose its sign:
 * like all that is beyond the range it makes its block one of divisions. */

BINARY(quotient, a / b)

#if defined __FMA__ && defined FN_VMIN
static bool divides_quickly(double b, const double *values, size_t n)
{
    if (!(fabs(b) > 0x1p-300 && fabs(b) < 0x1p300))
        return false;
    FN_VECTOR least = FN_VSET(1.0), most = least; /* of squares; NaN is neither */
    for (size_t i = 0; i < n; i += FN_WIDTH) {
        const FN_VECTOR a = FN_VLOAD(values + i);
        least = FN_VMIN(a * a, least);
        most = FN_VMAX(a * a, most);
    }
    double low[FN_WIDTH], high[FN_WIDTH];
    FN_VSTORE(low, least);
    FN_VSTORE(high, most);
    bool quickly = true;
    for (size_t i = 0; i < FN_WIDTH; i++)
        quickly = quickly && low[i] >= 0x1p-1000 && high[i] <= 0x1p1000;
    return quickly;
}

static void k_div(double *out, const double *const *operand, const int *step, size_t n)
{
    const double *pa = operand[0];
    const double b = *operand[1], inverse = 1 / b;
    if (step[0] && !step[1] && divides_quickly(b, pa, n))
        LOOP
        {
            const double a = pa[i], first = a * inverse;
            out[i] = FMA(FMA(-first, b, a), inverse, first);
        }
    else
        k_quotient(out, operand, step, n);
}
#else
#define k_div k_quotient
#endif
