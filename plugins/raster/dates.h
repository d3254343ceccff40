/* When the pixels of a raster were taken, as far as it says. */
#ifndef FN_RASTER_DATES_H
#define FN_RASTER_DATES_H

#include <string>

#include "inputs.h"

namespace fishnet
{

/* "2024-06-01", with the time if it is known: of the item ACQUISITIONDATETIME of the domain IMAGERY, else of
 * TIFFTAG_DATETIME, else of 8 digits in the last part of the name, YYYYMMDD. Empty: it does not say. */
std::string DateOf(const std::string &name, GDALDatasetH dataset);
/* "scenes/b4_20240601.tif 2024-06-01", or the name alone. Passwords in it are not shown. */
std::string NameAndDate(const Input &input, GDALDatasetH dataset);

} // namespace fishnet

#endif
