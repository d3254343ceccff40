/* fishnet COMMAND JOB...: all that it does is in the module, which GDAL finds as for any other program. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <gdal.h>

static int find_module(struct dl_phdr_info *info, size_t size, void *name)
{
    static const char file[] = "/gdal_FISHNET.so";
    const size_t n = strlen(info->dlpi_name);
    (void)size;
    if (n < sizeof file || strcmp(info->dlpi_name + n - (sizeof file - 1), file) != 0)
        return 0;
    *(const char **)name = info->dlpi_name;
    return 1;
}

/* Ends with the thread that has started this process. False: it has ended by now. */
static int die_with_parent(const char *pid)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == (pid_t)strtol(pid, NULL, 10);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--child-of") == 0) {
        if (!die_with_parent(argv[2])) {
            fprintf(stderr, "fishnet: the process %s, which it is a child of, is not its parent\n", argv[2]);
            return 3;
        }
        argv += 2;
    }
    const char *name = NULL;
    GDALAllRegister();
    dl_iterate_phdr(find_module, (void *)&name);
    void *module = name ? dlopen(name, RTLD_NOW | RTLD_NOLOAD) : NULL;
    int (*run)(char **words) = NULL;
    void *symbol = module ? dlsym(module, "fishnet_main") : NULL;
    memcpy(&run, &symbol, sizeof run);
    if (!run) {
        fprintf(stderr,
                "fishnet: GDAL %s has not loaded the plugin gdal_FISHNET.so: is it in its folder of plugins, or in "
                "GDAL_DRIVER_PATH?\n",
                GDALVersionInfo("RELEASE_NAME"));
        return 3;
    }
    if (argv[1] && strcmp(argv[1], "--module") == 0)
        return puts(name) < 0;
    const int status = run(argv + 1);
    GDALDestroyDriverManager();
    return status;
}
