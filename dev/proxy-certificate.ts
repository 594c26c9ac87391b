import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** A certificate and its key as PEM, as node:tls takes them. */
export type Certificate = { readonly cert: string; readonly key: string };

/** Whom a certificate is for, and until when. */
export type CertificateWish = {
  readonly name: string;
  /** An IPv4 address or a DNS name that the certificate vouches for; left out: it is one of an authority. */
  readonly host?: string;
  readonly until: Date;
  /** Who signs it; left out: its own key does. */
  readonly issuer?: { readonly name: string; readonly key: string };
};

const days = 86_400_000;

/**
 * An X.509 certificate (RFC 5280) with a new key of the curve P-256. Node makes keys and signatures but no certificates;
 * the fields are written here, so that the tests need no program besides.
 */
export function makeCertificate({ name, host, until, issuer }: CertificateWish): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const own = issuer === undefined ? privateKey : createPrivateKey(issuer.key);
  const since = new Date(Math.min(Date.now(), until.getTime()) - days);
  const body = sequence(
    der(0xa0, integer([2])),
    integer([0x40, ...randomBytes(15)]),
    signatureAlgorithm,
    distinguishedName(issuer?.name ?? name),
    sequence(time(since), time(until)),
    distinguishedName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(host === undefined ? authorityExtension : hostExtension(host))),
  );
  return { cert: pemOf(body, own), key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })) };
}

function pemOf(body: Buffer, key: KeyObject): string {
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, key));
  const text = sequence(body, signatureAlgorithm, signature).toString('base64');
  // A full last line must not be followed by an empty one: OpenSSL takes that for an error.
  const lines = text.match(/.{1,64}/g)?.join('\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

/** Tag, length and value (X.690, 8.1): lengths from 128 up are told by the number of their bytes first. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  const { length } = value;
  const lengthBytes = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...lengthBytes]), value]);
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(0x30, ...parts);
}

function integer(bytes: readonly number[]): Buffer {
  return der(0x02, Buffer.from(bytes));
}

function object(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

/** ecdsa-with-SHA256 (RFC 5758, 3.2). */
const signatureAlgorithm = sequence(object('2a8648ce3d040302'));

function distinguishedName(name: string): Buffer {
  const commonName = object('550403');
  return sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from(name)))));
}

/** GeneralizedTime with four digits of the year (RFC 5280, 4.1.2.5.2); OpenSSL takes it for every year. */
function time(date: Date): Buffer {
  return der(0x18, Buffer.from(`${date.toISOString().replace(/\D/g, '').slice(0, 14)}Z`));
}

/** basicConstraints, critical: it is the certificate of an authority (RFC 5280, 4.2.1.9). */
const authorityExtension = extension('551d13', true, sequence(der(0x01, Buffer.from([0xff]))));

/** subjectAltName with one IP address or DNS name (RFC 5280, 4.2.1.6). */
function hostExtension(host: string): Buffer {
  const address = /^\d+(\.\d+){3}$/.test(host) ? Buffer.from(host.split('.').map(Number)) : undefined;
  const entry = address === undefined ? der(0x82, Buffer.from(host)) : der(0x87, address);
  return extension('551d11', false, sequence(entry));
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  const critical = isCritical ? [der(0x01, Buffer.from([0xff]))] : [];
  return sequence(object(id), ...critical, der(0x04, value));
}
