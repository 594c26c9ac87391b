/** No text of ours holds it, and each form of it (quoted, encoded) differs from it. */
const core = 'Kn9"/+x=qVw7';

/** A secret that is recognised whatever happens to it. Three times over, so that a part that is cut out of it shows too. */
export const canary = core.repeat(3);

/** As `canary`, in base64: the data of a private key. */
export const canaryData = Buffer.from(`-----BEGIN PRIVATE KEY-----\n${canary}\n-----END PRIVATE KEY-----\n`).toString(
  'base64',
);

const quoted = JSON.stringify(core).slice(1, -1);
const encoded = encodeURIComponent(core);

/** Base64 of a text in the middle of another: what of it does not depend on its neighbours, for each of three places. */
function base64Of(text: string): string[] {
  return [0, 1, 2].flatMap((before) => {
    const whole = Buffer.from('\0'.repeat(before) + text);
    const own = whole.toString('base64').slice(Math.ceil((before * 8) / 6), Math.floor((whole.length * 8) / 6));
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

const forms = [
  ...new Set([
    core,
    quoted,
    JSON.stringify(quoted).slice(1, -1),
    encoded,
    encodeURIComponent(encoded),
    core.replaceAll('"', '&quot;'),
    core.replaceAll("'", "\\'"),
    ...base64Of(core),
    ...base64Of(encoded),
    ...base64Of(quoted),
    Buffer.from(core).toString('hex'),
  ]),
];

/** What was found of a canary in one of the texts, with what is around it. */
export function canaryIn(texts: readonly string[]): string | undefined {
  for (const text of texts) {
    for (const form of forms) {
      const at = text.indexOf(form);
      if (at >= 0) return text.slice(Math.max(0, at - 200), at + form.length + 100);
    }
  }
  return undefined;
}
