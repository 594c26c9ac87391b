/**
 * Runs `work` on every item, at most `limit` at once, and gives the results in the order of the items. One rejection
 * does not stop the others' slots: it is thrown after all that had begun have ended, and nothing new begins.
 */
export async function mapConcurrent<Item, Result>(
  items: Iterable<Item>,
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const queue = [...items].entries();
  const results: Result[] = [];
  let failure: { readonly error: unknown } | undefined;
  async function run(): Promise<void> {
    for (const [index, item] of queue) {
      if (failure !== undefined) return;
      try {
        results[index] = await work(item);
      } catch (error) {
        failure ??= { error };
      }
    }
  }
  await Promise.all(Array.from({ length: limit }, run));
  if (failure !== undefined) throw failure.error;
  return results;
}
