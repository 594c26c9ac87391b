import * as z from 'zod';
import { plainText } from './plain-text.ts';

/** What a value came to at a schema. */
export type SafelyParsed<Output> =
  | { readonly success: true; readonly data: Output }
  | { readonly success: false; readonly error: z.ZodError };

/**
 * As the schema's own `safeParse`, which throws all the same: zod 4.6.7 compares what a map calls its `length` with the
 * least length of a text before it has seen that it is a map, and of `{ toString: 1 }` no number can be made.
 */
export function safeParse<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  options?: z.core.ParseContext<z.core.$ZodIssue>,
): SafelyParsed<z.output<Schema>> {
  try {
    const { success, data, error } = schema.safeParse(value, options);
    return success ? { success, data } : { success, error: new z.ZodError(error.issues) };
  } catch (error) {
    const likely = 'a key such as "length" or "toString" stands where none belongs';
    const message = `cannot be read: ${likely} (${plainText(String(error), 200)})`;
    return { success: false, error: new z.ZodError([{ code: 'custom', path: [], message, input: undefined }]) };
  }
}
