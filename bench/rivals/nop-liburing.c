/*
 * NOPs through liburing: `nop-liburing DEPTH MS` does for MS milliseconds what nop-depth.ts does, with the same setup
 * flags and the same share of operations timed, and prints {"opsPerSec":N,"p50Us":N,"p99Us":N}.
 */
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define STRIDE 17
#define MAX_SAMPLES (1 << 22)

static double now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int queue_init(unsigned depth, struct io_uring *ring)
{
	unsigned flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP;
#ifdef IORING_SETUP_DEFER_TASKRUN
	unsigned deferred = flags | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
	if (io_uring_queue_init(depth, ring, deferred) == 0)
		return 0;
#endif
	if (io_uring_queue_init(depth, ring, flags) == 0)
		return 0;
	return io_uring_queue_init(depth, ring, 0);
}

int main(int argc, char **argv)
{
	unsigned depth = argc > 1 ? atoi(argv[1]) : 1;
	double round_us = (argc > 2 ? atof(argv[2]) : 100) * 1e3;
	double *began = calloc(depth, sizeof *began);
	double *samples = malloc(MAX_SAMPLES * sizeof *samples);
	unsigned long nr_begun = 0, nr_done = 0, nr_samples = 0;
	struct io_uring ring;
	int goes_on = 1;

	int res = queue_init(depth, &ring);
	if (res < 0 || !began || !samples) {
		fprintf(stderr, "io_uring_queue_init answers %d\n", res);
		return 1;
	}
	double start = now_us();
	while (goes_on) {
		for (unsigned slot = 0; slot < depth; slot++) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
			io_uring_prep_nop(sqe);
			io_uring_sqe_set_data64(sqe, slot);
			began[slot] = 0;
			if (nr_begun++ % STRIDE == 0) {
				began[slot] = now_us();
				if (began[slot] >= start + round_us)
					goes_on = 0;
			}
		}
		res = io_uring_submit_and_wait(&ring, depth);
		if (res < 0) {
			fprintf(stderr, "io_uring_enter answers %d\n", res);
			return 1;
		}
		struct io_uring_cqe *cqe;
		unsigned head, nr = 0;
		io_uring_for_each_cqe(&ring, head, cqe) {
			if (cqe->res != 0)
				return 1;
			double from = began[cqe->user_data];
			if (from != 0 && nr_samples < MAX_SAMPLES)
				samples[nr_samples++] = now_us() - from;
			nr++;
		}
		io_uring_cq_advance(&ring, nr);
		nr_done += nr;
	}
	double seconds = (now_us() - start) / 1e6;
	qsort(samples, nr_samples, sizeof *samples, compare);
	printf("{\"opsPerSec\":%.1f,\"p50Us\":%.3f,\"p99Us\":%.3f}\n", nr_done / seconds, samples[nr_samples / 2],
	       samples[nr_samples * 99 / 100]);
	io_uring_queue_exit(&ring);
	return 0;
}
