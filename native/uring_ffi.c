/*
 * uring_ffi: how JavaScript calls C functions. The one native file of this package; any thread that loads it runs it.
 *
 * It finds symbols, calls them, tells addresses, shows memory, and gives back what JavaScript has listed when a thread ends;
 * it decides nothing. It keeps no state: what a call needs is in the function that JavaScript holds, what an end needs in
 * the list, so threads share code alone. A thread may be ended at any instant: Node
 * then refuses whatever this file asks of it, and a refused function returns nothing, which nobody gets to see. Nothing
 * here may throw over C frames, wait, or end the process. Counterpart: src/sys/ffi.ts.
 *
 * Node-API and libc are declared here, by their stable ABI, so a compiler is all that a build needs. It is linked with no
 * library: the process has both, and one file serves glibc and musl.
 */
#include <stddef.h>
#include <stdint.h>

/* Node-API 8, as far as it is used. */
typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_callback_info__ *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env env, napi_callback_info info);
typedef void (*napi_finalize)(napi_env env, void *data, void *hint);
/* napi_status and napi_typedarray_type are enums. */
extern int napi_get_cb_info(napi_env, napi_callback_info, size_t *argc, napi_value *argv, napi_value *self, void **data);
extern int napi_get_value_int64(napi_env, napi_value, int64_t *to);
extern int napi_get_value_bool(napi_env, napi_value, _Bool *to);
extern int napi_get_value_string_utf8(napi_env, napi_value, char *to, size_t room, size_t *length);
extern int napi_get_typedarray_info(napi_env, napi_value, int *type, size_t *length, void **data, napi_value *buffer, size_t *at);
extern int napi_create_int32(napi_env, int32_t, napi_value *out);
extern int napi_create_double(napi_env, double, napi_value *out);
extern int napi_create_function(napi_env, const char *name, size_t length, napi_callback, void *data, napi_value *out);
extern int napi_create_external_arraybuffer(napi_env, void *data, size_t length, napi_finalize, void *hint, napi_value *out);
extern int napi_create_string_utf8(napi_env, const char *text, size_t length, napi_value *out);
extern int napi_set_named_property(napi_env, napi_value object, const char *name, napi_value value);
extern int napi_add_env_cleanup_hook(napi_env, void (*hook)(void *), void *arg);
extern int napi_throw_type_error(napi_env, const char *code, const char *message);

/* libc: glibc and musl agree on these. */
extern void *dlsym(void *handle, const char *name);
extern int *__errno_location(void);
extern int close(int fd);
extern int munmap(void *address, size_t bytes);

#define OK 0
#define WHOLE ((size_t)-1)
#define NR_ARGS 7
#define NAME_BYTES 64

/*
 * Addresses and lengths travel as numbers, as do all arguments: a word each. A callee that takes fewer does not look at
 * the rest, one that takes ints looks at their low halves. Some are variadic (openat, fcntl, syscall), and Linux passes
 * words to both kinds in the same places.
 */
typedef long (*Callee)(long, ...);

/* Small ones are made faster. */
static napi_value number(napi_env env, long n)
{
	napi_value out = NULL;
	if (n == (int32_t)n)
		napi_create_int32(env, (int32_t)n, &out);
	else
		napi_create_double(env, (double)n, &out);
	return out;
}

/* Calls what the function was made for, and tells whether it could. */
static int call(napi_env env, napi_callback_info info, long *result)
{
	napi_value given[NR_ARGS];
	int64_t a[NR_ARGS] = { 0 };
	size_t n = NR_ARGS;
	void *callee = NULL;
	if (napi_get_cb_info(env, info, &n, given, NULL, &callee) != OK)
		return 0;
	for (size_t i = 0; i < n && i < NR_ARGS; i++) {
		if (napi_get_value_int64(env, given[i], &a[i]) != OK) {
			napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "C functions are called with numbers");
			return 0;
		}
	}
	*result = ((Callee)callee)(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
	return 1;
}

/* -1 means that errno says why. It is this thread's, and nothing has run since. */
static napi_value answer(napi_env env, long result)
{
	return number(env, result == -1 ? -(long)*__errno_location() : result);
}

static napi_value call_int(napi_env env, napi_callback_info info)
{
	long result;
	return call(env, info, &result) ? answer(env, (int)result) : NULL;
}

static napi_value call_long(napi_env env, napi_callback_info info)
{
	long result;
	return call(env, info, &result) ? answer(env, result) : NULL;
}

/* The symbol that the first of `n` arguments names, and the other arguments; NULL if there is none of that name. */
static void *symbol(napi_env env, napi_callback_info info, size_t n, napi_value *given)
{
	char name[NAME_BYTES];
	size_t length = 0;
	if (napi_get_cb_info(env, info, &n, given, NULL, NULL) != OK)
		return NULL;
	if (napi_get_value_string_utf8(env, given[0], name, sizeof name, &length) != OK || length >= sizeof name - 1)
		return NULL;
	return dlsym(NULL, name);
}

/* func(symbol, returnsLong): a function that returns what the C function does, or -errno for -1. */
static napi_value func(napi_env env, napi_callback_info info)
{
	napi_value given[2], out = NULL;
	_Bool returns_long = 0;
	void *callee = symbol(env, info, 2, given);
	if (callee == NULL || napi_get_value_bool(env, given[1], &returns_long) != OK)
		return NULL;
	napi_create_function(env, NULL, 0, returns_long ? call_long : call_int, callee, &out);
	return out;
}

/* symbolAddress(symbol): the address of its code or data, or 0. */
static napi_value symbol_address(napi_env env, napi_callback_info info)
{
	napi_value given[1];
	return number(env, (long)symbol(env, info, 1, given));
}

/* address(typedArray): the address of its first byte. */
static napi_value address(napi_env env, napi_callback_info info)
{
	napi_value given[1];
	size_t n = 1;
	void *data = NULL;
	if (napi_get_cb_info(env, info, &n, given, NULL, NULL) != OK)
		return NULL;
	if (napi_get_typedarray_info(env, given[0], NULL, NULL, &data, NULL, NULL) != OK)
		return NULL;
	return number(env, (long)data);
}

/* view(address, lengthBytes): memory as an ArrayBuffer, which neither frees it nor keeps it. */
static napi_value view(napi_env env, napi_callback_info info)
{
	napi_value given[2], out = NULL;
	size_t n = 2;
	int64_t at, length;
	if (napi_get_cb_info(env, info, &n, given, NULL, NULL) != OK)
		return NULL;
	if (napi_get_value_int64(env, given[0], &at) != OK || napi_get_value_int64(env, given[1], &length) != OK)
		return NULL;
	napi_create_external_arraybuffer(env, (void *)at, (size_t)length, NULL, NULL, &out);
	return out;
}

/*
 * A list of what ends with a thread. JavaScript makes it by mmap and writes it by plain stores, src/sys/leavings.ts: it
 * begins with how many ranges and descriptors it has room for; behind the ranges, empty ones among them, is a bit for each
 * descriptor.
 */
struct range { double address, bytes; };
struct leavings { double nr_ranges, nr_fds; struct range ranges[]; };
#define FDS_PER_WORD 32

/*
 * Runs on the thread when its environment is torn down, in whatever way it ends: no JavaScript runs there any more, and the
 * threads that it started have been joined. Descriptors go first, for a mapping may be what a ring lies in.
 */
static void give_back(void *list)
{
	struct leavings *left = list;
	size_t nr_ranges = (size_t)(int64_t)left->nr_ranges, nr_words = (size_t)(int64_t)left->nr_fds / FDS_PER_WORD;
	uint32_t *fds = (uint32_t *)&left->ranges[nr_ranges];
	for (size_t i = 0; i < nr_words; i++)
		for (uint32_t word = fds[i]; word != 0; word &= word - 1)
			close((int)i * FDS_PER_WORD + __builtin_ctz(word));
	for (size_t i = 0; i < nr_ranges; i++)
		if (left->ranges[i].bytes > 0)
			munmap((void *)(int64_t)left->ranges[i].address, (size_t)(int64_t)left->ranges[i].bytes);
	munmap(list, sizeof *left + nr_ranges * sizeof(struct range) + nr_words * sizeof(uint32_t));
}

/* atEnd(list): has the list given back when this thread ends, and the list itself. Answers 0, or that it cannot. */
static napi_value at_end(napi_env env, napi_callback_info info)
{
	napi_value given[1];
	size_t n = 1;
	int64_t list;
	if (napi_get_cb_info(env, info, &n, given, NULL, NULL) != OK || napi_get_value_int64(env, given[0], &list) != OK)
		return NULL;
	return number(env, napi_add_env_cleanup_hook(env, give_back, (void *)list));
}

static void put(napi_env env, napi_value exports, const char *name, napi_callback callback)
{
	napi_value function;
	if (napi_create_function(env, name, WHOLE, callback, NULL, &function) == OK)
		napi_set_named_property(env, exports, name, function);
}

__attribute__((visibility("default"))) int32_t node_api_module_get_api_version_v1(void)
{
	return 8;
}

__attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
	napi_value source;
	/* What this was compiled from, which the build tells: scripts/native.mjs knows an old binary by it. */
	if (napi_create_string_utf8(env, SOURCE_HASH, WHOLE, &source) == OK)
		napi_set_named_property(env, exports, "source", source);
	put(env, exports, "func", func);
	put(env, exports, "symbolAddress", symbol_address);
	put(env, exports, "address", address);
	put(env, exports, "view", view);
	put(env, exports, "atEnd", at_end);
	return exports;
}
