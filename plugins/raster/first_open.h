/* The first time that an input is opened: servers that are busy, or break a connection, are asked again. */
#ifndef FN_FISHNET_FIRST_OPEN_H
#define FN_FISHNET_FIRST_OPEN_H

#include "inputs.h"

namespace fishnet
{

/* What a URL names is read in parts, if the server gives parts; else it is loaded, once for all workers: `path` is what
 * is opened from then on. retries: as of OpenFirst(). */
void ReadURL(Input &input, int retries);

/* The name by which an input is opened: of a file beyond a network that another driver than GTiff and VRT reads, the
 * name as a patient file. */
std::string NameToRead(const std::string &path);

/* Opens an input as OpenAgain() does, and tells what GDAL has said of it. What lies beyond a network is opened up to
 * `retries` times more where its server says that it is busy or has failed (429, 500, 502 to 504), or says nothing; not
 * where it gives no such file. NULL after CPLError. */
DatasetHandle OpenFirst(const Input &input, int retries);

/* Opens what is no input, and only says where a result lies: a raster as OpenFirst() does, with the usual RETRIES, or a
 * dataset with layers, as `kinds` has it (GDAL_OF_RASTER, GDAL_OF_VECTOR). NULL, and why: nothing has been told. */
DatasetHandle OpenForGrid(const std::string &option, const char *name, unsigned kinds, std::string &cause);

/* What GDAL has said of a part of a GeoTIFF that it could not read while it opened it, or looked for masks: it goes on
 * without, and libtiff may end the process when blocks are read then. Empty: nothing. */
std::string WhatIsUnread(const MessageCollector &collector);

/* RETRIES of inputs beyond a network. */
int RetriesOf(const fn_worker_options &workers);

} // namespace fishnet

#endif
