/* NVIDIA's management library for machines without a GPU: what it tells stands in a text file.
 *
 * $FAKE_NVML_STATE is read anew at every call. A line is a GPU, or a MIG instance (parent=LINE):
 *   uuid=GPU-..;name=..;bus=1;total=MIB;used=MIB;power=MW;energy=MJ;temp=C;util=%;processes=PID:MIB[:g],..
 * A key that is missing is a sensor that is not there; lost=1: it fell off the bus; hang=1: no call
 * about it returns. $FAKE_NVML_LOOKS gets a byte whenever processes are asked for. Signatures and numbers are those of nvml.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, NOT_LOADED = 9, LOST = 15 };
#define LINE 4096
#define NOT_AVAILABLE (~0ULL)

typedef void *Device; /* line + 1 */
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } Process;
typedef struct {
    char legacy[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char id[32];
} Pci;

static FILE *state(void) {
    const char *path = getenv("FAKE_NVML_STATE");
    return path ? fopen(path, "r") : NULL;
}

static int read_line(long wanted, char *line) {
    FILE *file = state();
    if (!file) return NOT_LOADED;
    long number = 0;
    int found = 0;
    while (!found && fgets(line, LINE, file)) found = number++ == wanted;
    fclose(file);
    if (found) line[strcspn(line, "\n")] = 0;
    return found ? OK : NOT_FOUND;
}

/* Copy the value of a key; what the GPU cannot tell is NOT_SUPPORTED. */
static int get(Device device, const char *key, char *value) {
    char line[LINE];
    int status = read_line((long)device - 1, line);
    if (status != OK) return status;
    if (strstr(line, ";lost=1") && strcmp(key, "uuid")) return LOST;
    while (strstr(line, ";hang=1") && read_line((long)device - 1, line) == OK) usleep(20000);
    size_t length = strlen(key);
    for (char *rest = line, *field; (field = strsep(&rest, ";"));)
        if (!strncmp(field, key, length) && field[length] == '=') {
            strcpy(value, field + length + 1);
            return OK;
        }
    return NOT_SUPPORTED;
}

static int get_number(Device device, const char *key, unsigned long long *number) {
    char value[LINE];
    int status = get(device, key, value);
    if (status == OK) *number = strtoull(value, NULL, 10);
    return status;
}

static int get_unsigned(Device device, const char *key, unsigned *number) {
    unsigned long long value = 0;
    int status = get_number(device, key, &value);
    *number = (unsigned)value;
    return status;
}

static int get_text(Device device, const char *key, char *text, unsigned size) {
    char value[LINE];
    int status = get(device, key, value);
    if (status == OK) snprintf(text, size, "%s", value);
    return status;
}

/* Find the n-th line that is a GPU (parent < 0), or an instance of one. */
static int nth(long parent, unsigned n, Device *device) {
    char line[LINE], mark[32];
    snprintf(mark, sizeof mark, ";parent=%ld", parent);
    for (long number = 0;; number++) {
        int status = read_line(number, line);
        if (status != OK) return status;
        if (parent < 0 ? strstr(line, ";parent=") != NULL : strstr(line, mark) == NULL) continue;
        *device = (Device)(number + 1);
        if (n-- == 0) return OK;
    }
}

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    FILE *file = state();
    if (!file) return NOT_LOADED;
    fclose(file);
    return OK;
}

int nvmlShutdown(void) { return OK; }

const char *nvmlErrorString(int status) {
    return status == LOST ? "GPU is lost" : status == NOT_LOADED ? "Driver Not Loaded" : "Error of the fake";
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    Device device;
    int status;
    *count = 0;
    while ((status = nth(-1, *count, &device)) == OK) ++*count;
    return status == NOT_FOUND ? OK : status;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device *device) {
    char value[LINE];
    int status = nth(-1, index, device);
    return status != OK ? status : get(*device, "total", value) == LOST ? LOST : OK;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, Device *device) {
    char value[LINE];
    int status = OK;
    for (long number = 0; status != NOT_FOUND && status != NOT_LOADED; number++) {
        *device = (Device)(number + 1);
        status = get(*device, "uuid", value);
        if (status == OK && !strcmp(value, uuid)) return OK;
    }
    return status;
}

int nvmlDeviceGetUUID(Device device, char *uuid, unsigned size) { return get_text(device, "uuid", uuid, size); }
int nvmlDeviceGetName(Device device, char *name, unsigned size) { return get_text(device, "name", name, size); }

int nvmlDeviceGetPciInfo_v3(Device device, Pci *pci) {
    memset(pci, 0, sizeof *pci);
    return get_unsigned(device, "bus", &pci->bus);
}

int nvmlDeviceGetMemoryInfo(Device device, Memory *memory) {
    int status = get_number(device, "total", &memory->total);
    if (status == OK) status = get_number(device, "used", &memory->used);
    memory->total <<= 20;
    memory->used <<= 20;
    memory->free = memory->total - memory->used;
    return status;
}

int nvmlDeviceGetUtilizationRates(Device device, Utilization *rates) {
    int status = get_unsigned(device, "util", &rates->gpu);
    return status == OK ? get_unsigned(device, "memutil", &rates->memory) : status;
}

int nvmlDeviceGetPowerUsage(Device device, unsigned *mw) { return get_unsigned(device, "power", mw); }
int nvmlDeviceGetEnforcedPowerLimit(Device device, unsigned *mw) { return get_unsigned(device, "limit", mw); }
int nvmlDeviceGetTotalEnergyConsumption(Device device, unsigned long long *mj) { return get_number(device, "energy", mj); }
int nvmlDeviceGetFanSpeed(Device device, unsigned *percent) { return get_unsigned(device, "fan", percent); }

int nvmlDeviceGetTemperature(Device device, int sensor, unsigned *celsius) {
    return sensor ? NOT_SUPPORTED : get_unsigned(device, "temp", celsius);
}

int nvmlDeviceGetClockInfo(Device device, int type, unsigned *mhz) {
    const char *keys[] = {"gfx", "sm", "mem"};
    return type < 0 || type > 2 ? INVALID : get_unsigned(device, keys[type], mhz);
}

int nvmlDeviceGetMemoryErrorCounter(Device device, int type, int counter, int place, unsigned long long *count) {
    (void)counter, (void)place;
    return get_number(device, type ? "uecc" : "ecc", count);
}

static void note_look(void) {
    const char *path = getenv("FAKE_NVML_LOOKS");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file) return;
    fputc('.', file);
    fclose(file);
}

static int processes(Device device, int is_graphics, unsigned *count, Process *out) {
    char value[LINE];
    int status = get(device, "processes", value);
    if (status != OK) return status;
    if (out == NULL) note_look();
    unsigned found = 0;
    for (char *rest = value, *one; (one = strsep(&rest, ","));) {
        if (!*one || (strstr(one, ":g") != NULL) != is_graphics) continue;
        if (out && found < *count) {
            char *mib = strchr(one, ':');
            out[found].pid = (unsigned)strtoul(one, NULL, 10);
            out[found].used = mib && mib[1] != '-' ? strtoull(mib + 1, NULL, 10) << 20 : NOT_AVAILABLE;
            out[found].gpu_instance = out[found].compute_instance = ~0U;
        }
        found++;
    }
    int fits = found <= *count;
    *count = found;
    return fits ? OK : TOO_SMALL;
}

int nvmlDeviceGetComputeRunningProcesses_v3(Device device, unsigned *count, Process *out) {
    return processes(device, 0, count, out);
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(Device device, unsigned *count, Process *out) {
    return processes(device, 1, count, out);
}

int nvmlDeviceGetMigMode(Device device, unsigned *current, unsigned *pending) {
    int status = get_unsigned(device, "mig", current);
    *pending = *current;
    return status;
}

int nvmlDeviceGetMaxMigDeviceCount(Device device, unsigned *count) {
    (void)device;
    *count = 7;
    return OK;
}

int nvmlDeviceGetMigDeviceHandleByIndex(Device device, unsigned index, Device *instance) {
    return nth((long)device - 1, index, instance);
}
