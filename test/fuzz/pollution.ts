/** What all values inherit from; the rest of the built-in objects can only be reached by name. */
const roots = [Object, Array, Function, String, Number, Boolean].flatMap((root) => [root, root.prototype]);

/** The values of a built-in object as they were; what is computed (`__proto__`) is only counted. */
const before = roots.map((root) => {
  const slots = Object.entries(Object.getOwnPropertyDescriptors(root)).filter(([, slot]) => 'value' in slot);
  return { root, keys: Reflect.ownKeys(root), slots: slots.map(([key, { value }]) => [key, value] as const) };
});

/** What has been added to the built-in objects or changed in them since this module was loaded. It is undone. */
export function pollution(): string | undefined {
  for (const { root, keys, slots } of before) {
    const added =
      Reflect.ownKeys(root).length > keys.length && Reflect.ownKeys(root).find((key) => !keys.includes(key));
    if (added) {
      Reflect.deleteProperty(root, added);
      return `${String(added)} was added to a built-in object`;
    }
    for (const [key, value] of slots) {
      if (Object.is(Reflect.get(root, key), value)) continue;
      Reflect.set(root, key, value);
      return `${key} of a built-in object was changed`;
    }
  }
  return undefined;
}
