/* Expressions over the bands of inputs: compiled once, computed by any number of workers. */
#ifndef FN_FISHNET_EXPRESSION_H
#define FN_FISHNET_EXPRESSION_H

#include <memory>
#include <string>
#include <vector>

#include "fishnet/expr.h"
#include "fishnet/grid.h"
#include "inputs.h"
#include "reader.h"

namespace fishnet
{

struct FreeExpr {
    void operator()(fn_expr *expr) const { fn_expr_free(expr); }
};

/* What texts call an input, or a stack of inputs. */
struct RasterName {
    std::string name;
    size_t first = 0; /* in Inputs */
    int members = 0;  /* of a stack; 0: it is one input */
};

/* What is to be compiled. */
struct ExpressionSource {
    std::vector<std::string> texts; /* one for each output */
    std::vector<RasterName> names;
    bool anyName = false;         /* the only raster is called as the texts call it, if they use one name only */
    const char *option = nullptr; /* that gives one more input, for messages; NULL: its letter */
    bool nodata = true;           /* as in fn_expr_options; so are flatten and propagate */
    bool flatten = false, propagate = false;
    bool allBands = false;    /* an output for each band that a text means by names alone */
    bool ignoreAlpha = false; /* what is transparent is valid */
    bool unscale = false;     /* values are stored ones by scale and offset of their bands */
    bool streams = false;     /* of many rasters a few are read at a time, if it can be: for Compute() only */
};

/* Never changes, and is for any number of threads. */
class Expression
{
  public:
    using Compiled = std::unique_ptr<fn_expr, FreeExpr>;

    /* NULL after CPLError. outputs: the text of each, with its band where the text has several. What it reads
     * is appended to planes, in the order of Run(), and to the bands of inputs. */
    static std::unique_ptr<const Expression> Compile(const ExpressionSource &given, Inputs &inputs,
                                                     const InputHandles &handles, std::vector<Plane> &planes,
                                                     std::vector<std::string> *outputs = nullptr);

    size_t OutputCount() const { return static_cast<size_t>(fn_expr_output_count(m_expr.get())); }
    bool IsBeyondFloat32() const { return fn_expr_is_beyond_float32(m_expr.get()); }
    /* Whether a pixel depends on others around it. */
    bool LooksAround() const { return fn_expr_looks_around(m_expr.get()); }
    /* Memory for the planes of a pixel at a time, those that are kept between the phases included. */
    size_t PixelBytes() const { return m_pixelBytes; }
    size_t ScratchBytes(int64_t width, int64_t height) const;
    /* Of one worker. */
    struct Memory {
        std::vector<fn_plane> planes;
        std::vector<char> scratch;
        std::vector<double> kept;
    };
    /* Reads a window of all planes, and computes it into a sink for each output. Of what does not look around it reads
     * as many rows at a time as have room. FN_ERR_READ: see the reader. Else as Run(). */
    fn_status Compute(InputReader &reader, const fn_window &window, const std::vector<fn_sink> &sinks, Memory &memory,
                      const volatile bool *cancel, fn_error *err) const;
    /* The rows of a tile that are computed at a time, for one worker. */
    int64_t RowsAtOnce(int64_t width, int64_t height) const;
    /* Computes a window into a sink for each output. planes: that window of each plane, with its reach. scratch: the
     * worker's own. On failure sinks are undefined, and err names the pixel. */
    fn_status Run(const fn_plane *planes, const fn_window &window, const fn_sink *sinks, std::vector<char> &scratch,
                  fn_error *err) const;

  private:
    void TakePhases(Compiled expr);
    fn_status ComputeRows(InputReader &reader, const fn_window &window, const fn_sink *sinks, Memory &memory,
                          const volatile bool *cancel, fn_error *err) const;
    fn_status RunAlone(const fn_plane *planes, const fn_window &window, const fn_sink *sinks, void *scratch,
                       int64_t bad[2], fn_error *err) const;

    Compiled m_expr;
    std::vector<Plane> m_planes; /* all */
    struct Phase {
        std::vector<size_t> numbers; /* of planes that it needs */
        std::vector<Plane> planes;
    };
    std::vector<Phase> m_phases; /* none: all planes are needed at once */
    size_t m_pixelBytes = 0;
    int m_blockHeight = 1; /* of the first plane */
};

} // namespace fishnet

#endif
