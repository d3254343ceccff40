# For test_r.py: what terra and sf read, as JSON in the last line.
arguments <- commandArgs(TRUE)
dem <- arguments[1]; places <- arguments[2]; rivers <- arguments[3]; root <- arguments[4]; near <- arguments[5]
land <- arguments[6]; geoid <- arguments[7]

json <- function(x) {
    if (is.list(x) && !is.null(names(x))) {
        return(paste0("{", paste0("\"", names(x), "\": ", vapply(x, json, ""), collapse = ", "), "}"))
    }
    if (is.list(x)) {
        return(paste0("[", paste(vapply(x, json, ""), collapse = ", "), "]"))
    }
    text <- if (is.character(x)) paste0("\"", gsub("\"", "\\\\\"", enc2utf8(x)), "\"") else sprintf("%.17g", as.numeric(x))
    text[is.na(x)] <- "null"
    if (length(x) == 1) text else paste0("[", paste(text, collapse = ", "), "]")
}

suppressPackageStartupMessages({
    library(terra)
    library(sf)
})

raster <- function(name, options = NULL) {
    r <- if (is.null(options)) rast(name) else rast(name, opts = options)
    all <- values(r, mat = FALSE)
    list(size = dim(r), missing = sum(is.na(all)), sum = sum(all, na.rm = TRUE),
         window = values(r, row = 301, nrows = 40, col = 501, ncols = 60, mat = FALSE),
         cell = r[601, 1201][1, 1])
}

table <- function(name, ...) {
    t <- st_read(name, quiet = TRUE, ...)
    stopifnot(nrow(t) > 7000)
    lapply(seq_len(nrow(t)), function(i) list(t$IN_FID[i], t$NEAR_FID[i], t$NEAR_DIST[i], t$name[i], t$NEAR_name[i]))
}

calc <- "CALC=sqrt(A*0.3048-1900)"
options <- c(paste0("NEAR=", rivers), "FIELDS=name", "NEAR_FIELDS=name")
zones <- st_read(paste0("ZONALSTATS:", land), quiet = TRUE, options = c(paste0("RASTER=", geoid), "STATS=COUNT,MEAN"))
lines <- st_read(paste0("NEARTABLE:", places), quiet = TRUE, options = c(options, "GEOMETRY=LINE"))
lengths <- vapply(st_geometry(lines), function(g) sqrt(sum((g[1, ] - g[2, ])^2)), 0)
cat(json(list(string = raster(paste0("FISHNET:", dem), calc), recipe = raster(root),
              processes = raster(paste0("FISHNET:", dem), c(calc, "WORKERS=PROCESSES")),
              table = table(paste0("NEARTABLE:", places), options = options), table_of_recipe = table(near),
              count = zones$COUNT, mean = zones$MEAN, lines = lengths)), "\n", sep = "")
