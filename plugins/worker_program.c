/* fishnet-worker MODULE GDAL: the program that the module starts for its worker processes. All that it does is in
 * the module; GDAL comes first, so that it is the library that the host has. Nobody starts it by hand. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "fishnet-worker is started by the GDAL plugin Fishnet, for WORKERS=PROCESSES.\n");
        return 2;
    }
    setenv("OPENBLAS_NUM_THREADS", "1", 0); /* it would start threads as it is loaded, before we fork */
    if (*argv[2])
        dlopen(argv[2], RTLD_NOW | RTLD_GLOBAL);
    void *module = dlopen(argv[1], RTLD_NOW);
    int (*worker_main)(void) = NULL;
    void *symbol = module ? dlsym(module, "fishnet_worker_main") : NULL;
    memcpy(&worker_main, &symbol, sizeof symbol);
    if (!worker_main) {
        fprintf(stderr, "fishnet-worker: %s\n", dlerror());
        return 3;
    }
    return worker_main();
}
