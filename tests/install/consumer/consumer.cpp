// The same headers and library in C++.
#include <fishnet/engine.h>
#include <fishnet/expr.h>
#include <fishnet/grid.h>
#include <fishnet/near.h>
#include <fishnet/pool.h>
#include <fishnet/recipe.h>
#include <fishnet/stream.h>

#include <cstdio>
#include <vector>

int main()
{
    fn_error error;
    const char *text = "A>1 ? A*2 : -A";
    fn_expr_options options = {};
    fn_expr *expr = nullptr;
    if (fn_expr_compile(&text, 1, &options, &expr, &error) != FN_OK) {
        std::printf("%s\n", error.text);
        return 1;
    }
    const float in[] = {1, 2, 3};
    float out[3] = {};
    fn_plane plane = {};
    plane.data = in;
    plane.type = FN_FLOAT32;
    fn_sink sink = {};
    sink.data = out;
    sink.type = FN_FLOAT32;
    std::vector<char> scratch(fn_expr_scratch_bytes(expr));
    const bool right = fn_expr_run(expr, 3, &plane, &sink, scratch.data(), nullptr, &error) == FN_OK && out[0] == -1 &&
                       out[1] == 4 && out[2] == 6;
    fn_expr_free(expr);
    std::printf("%s %g %g %g\n", right ? "ok  " : "FAIL", double(out[0]), double(out[1]), double(out[2]));
    return right ? 0 : 1;
}
