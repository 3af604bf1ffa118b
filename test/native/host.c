/*
 * As much of Node-API as the addon needs, to see it load and call where there is no Node: under musl, or for another
 * processor. Values are words. Prints what went wrong, or `works`. A test compiles it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct { const char *text; void *callback, *data; int64_t n; } Value;
typedef Value *(*Callback)(void *env, void *info);
typedef struct { size_t n; Value *args[7]; void *data; } Info;

static Value values[64], *functions[16];
static size_t nr_values, nr_functions;
static const char *names[16];

static Value *fresh(void) { return memset(&values[nr_values++ % 64], 0, sizeof *values); }

int napi_get_cb_info(void *env, Info *info, size_t *n, Value **argv, Value **self, void **data)
{
	(void)env, (void)self;
	for (size_t i = 0; argv != NULL && i < *n && i < info->n; i++) argv[i] = info->args[i];
	*n = info->n;
	if (data != NULL) *data = info->data;
	return 0;
}
int napi_get_value_int64(void *env, Value *v, int64_t *to) { (void)env; *to = v->n; return 0; }
int napi_get_value_bool(void *env, Value *v, _Bool *to) { (void)env; *to = v->n != 0; return 0; }
int napi_get_value_string_utf8(void *env, Value *v, char *to, size_t room, size_t *n)
{
	(void)env;
	*n = (size_t)snprintf(to, room, "%s", v->text);
	return 0;
}
int napi_get_typedarray_info(void *env, Value *v, int *type, size_t *n, void **data, Value **buffer, size_t *at)
{
	(void)env, (void)type, (void)n, (void)buffer, (void)at;
	*data = v->data;
	return 0;
}
int napi_create_int32(void *env, int32_t n, Value **out) { (void)env; (*out = fresh())->n = n; return 0; }
int napi_create_double(void *env, double n, Value **out) { (void)env; (*out = fresh())->n = (int64_t)n; return 0; }
int napi_create_string_utf8(void *env, const char *text, size_t n, Value **out)
{
	(void)env, (void)n;
	(*out = fresh())->text = text;
	return 0;
}
int napi_create_function(void *env, const char *name, size_t n, void *callback, void *data, Value **out)
{
	(void)env, (void)name, (void)n;
	*out = fresh();
	(*out)->callback = callback;
	(*out)->data = data;
	return 0;
}
int napi_create_external_arraybuffer(void *env, void *data, size_t n, void *f, void *hint, Value **out)
{
	(void)env, (void)f, (void)hint;
	*out = fresh();
	(*out)->data = data;
	(*out)->n = (int64_t)n;
	return 0;
}
int napi_set_named_property(void *env, Value *object, const char *name, Value *v)
{
	(void)env, (void)object;
	names[nr_functions] = name;
	functions[nr_functions++] = v;
	return 0;
}
static void (*ending)(void *), *ended;
int napi_add_env_cleanup_hook(void *env, void (*hook)(void *), void *arg) { (void)env, ending = hook, ended = arg; return 0; }
int napi_throw_type_error(void *env, const char *code, const char *message) { (void)env, (void)code, (void)message; return 0; }

static Value *call(Value *f, size_t n, Value *a, Value *b, Value *c)
{
	Info info = { n, { a, b, c }, f->data };
	return ((Callback)f->callback)(NULL, &info);
}
static Value *property(const char *name)
{
	for (size_t i = 0; i < nr_functions; i++) if (strcmp(names[i], name) == 0) return functions[i];
	return NULL;
}
static int check(const char *what, int64_t is, int64_t wanted)
{
	if (is != wanted) printf("%s: %lld, not %lld\n", what, (long long)is, (long long)wanted);
	return is == wanted;
}

/* A list of two ranges, the second of them empty, and 64 descriptors. */
static int at_end(Value *f)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS, fds[2];
	double *at = mmap(NULL, page, PROT_READ | PROT_WRITE, flags, -1, 0);
	char *range = mmap(NULL, page, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (pipe(fds) != 0 || fds[0] >= 64) return 0;
	at[0] = 2, at[1] = 64, at[2] = (double)(intptr_t)range, at[3] = (double)page;
	((uint32_t *)&at[6])[fds[0] / 32] = (uint32_t)1 << fds[0] % 32;
	Value address = { .n = (int64_t)(intptr_t)at };
	int good = check("atEnd", call(f, 1, &address, NULL, NULL)->n, 0);
	ending(ended);
	good &= check("listed fd", close(fds[0]), -1) & check("other fd", close(fds[1]), 0);
	return good & check("range", mprotect(range, page, PROT_READ), -1) & check("list", mprotect(at, page, PROT_READ), -1);
}

int main(int argc, char **argv)
{
	void *addon = dlopen(argc > 1 ? argv[1] : "", RTLD_LAZY);
	if (addon == NULL) return printf("%s\n", dlerror()), 1;
	Value *(*init)(void *, Value *) = (Value *(*)(void *, Value *))dlsym(addon, "napi_register_module_v1");
	init(NULL, fresh());
	Value text = { .text = "getpid" }, yes = { .n = 1 }, no = { .n = 0 }, bad = { .n = 99999 }, at = { .data = &text };
	Value length = { .n = 16 }, address = { .n = (int64_t)(intptr_t)&text }, none = { .text = "no_such_function" };
	Value *func = property("func"), *getpid_ = call(func, 2, &text, &no, NULL);
	int good = check("getpid", call(getpid_, 0, NULL, NULL, NULL)->n, getpid());
	good &= check("symbolAddress", call(property("symbolAddress"), 1, &text, NULL, NULL)->n, (int64_t)(intptr_t)dlsym(NULL, "getpid"));
	text.text = "close";
	good &= check("close", call(call(func, 2, &text, &no, NULL), 1, &bad, NULL, NULL)->n, -EBADF);
	text.text = "memmove";
	good &= check("memmove", call(call(func, 2, &text, &yes, NULL), 3, &address, &address, &no)->n, address.n);
	good &= check("address", call(property("address"), 1, &at, NULL, NULL)->n, address.n);
	Value *view = call(property("view"), 2, &address, &length, NULL);
	good &= check("view", view->data == &text && view->n == 16, 1);
	good &= check("absent", call(func, 2, &none, &no, NULL) == NULL, 1);
	good &= at_end(property("atEnd"));
	if (good) puts("works");
	return !good;
}
