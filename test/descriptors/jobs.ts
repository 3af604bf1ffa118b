/** The job of the matrix. Pool threads. */
export const echo = (value: unknown): unknown => value
