/** What a promise comes to, or an error where the signal is first: for what cannot be ended, and need not be waited for. */
export async function unlessAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal,
  error: () => unknown = () => signal.reason,
): Promise<Value> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(error());
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
