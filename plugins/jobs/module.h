/* The functions of the module that others find by name. */
#ifndef FN_MODULE_H
#define FN_MODULE_H

#include <cpl_port.h>

extern "C" {
/* For GDAL. */
CPL_DLL void GDALRegister_FISHNET(void);
/* For the program fishnet-worker. */
CPL_DLL int fishnet_worker_main(void);
}

#endif
