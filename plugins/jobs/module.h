/* The functions of the module that others find by name. */
#ifndef FN_MODULE_H
#define FN_MODULE_H

#include <cpl_port.h>

extern "C" {
/* For GDAL. */
CPL_DLL void GDALRegister_FISHNET(void);
/* For the program fishnet-worker. */
CPL_DLL int fishnet_worker_main(void);
/* Of the program fishnet: its arguments, NULL at the end. Its exit status. */
CPL_DLL int fishnet_main(char **words);

/* For programs that load the module, or find it in their process (`fishnet --module` names it), and are told rather
 * than printed to. fishnet_call() does what the program does with these words, NULL at the end, in threads of this
 * process. 0: it is done. tell() gets the messages of GDAL, with a CPLErr for a level, and at last the answer with
 * CE_None: the plan, or nothing. goesOn() is asked after each tile or part whether to go on; NULL: it does. The thread
 * that calls, which may be any, several at once, calls both. GDAL's drivers are registered if they were not. */
typedef void (*fishnet_tell)(int level, const char *text);
typedef int (*fishnet_goes_on)(void);
CPL_DLL int fishnet_call(char **words, fishnet_tell tell, fishnet_goes_on goesOn);
}

#endif
