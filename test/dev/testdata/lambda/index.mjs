// What test/dev/lambda.test.ts asks of a function: each field of the event is one thing to do.
let count = 0;
const kept = [];

export async function handler(event, context) {
  count += 1;
  if (event.say) console.log(event.say);
  if (event.fail) throw new RangeError(event.fail);
  if (event.exit !== undefined) process.exit(event.exit);
  if (event.megabytes) {
    kept.push(Buffer.alloc(event.megabytes * 1024 * 1024, 1));
  }
  // Who uses too much memory is to be ended for that, not to be done before anybody looks.
  if (event.hang || event.megabytes) await new Promise((resolve) => setTimeout(resolve, 3_600_000));
  if (event.answer) return 'x'.repeat(event.answer);
  if (event.nothing) return;
  const remaining = context.getRemainingTimeInMillis();
  return { count, remaining, context, environment: process.env, folder: process.cwd() };
}

export const notAFunction = 1;
