/**
 * In every secret that the local stack makes up, so that one search through all output finds any of them
 * (test/security/output.ts). Letters and digits alone: no encoding but base64 changes it.
 */
export const secretMark = 'zQ7sEcReT4mArK';
