import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { refusal, type Trust } from './transfer';

/** More than any bundle of certificates has. */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_FILES = 2000;
const PEM = /-----BEGIN (?:X509 )?CERTIFICATE-----[^-]+-----END (?:X509 )?CERTIFICATE-----/g;

/** Certificates to trust, as PEM; undefined = those that Node.js brings. */
export type Authorities = readonly string[] | undefined;

/**
 * Reads what a database's ingest configuration trusts, anew for every read, as libcurl does. CAINFO and CAINFO_VAL take the place of
 * the common certificates, CAPATH is added. Nothing is read when the peer is not verified. INVALID_INPUT naming the parameter.
 */
export async function authorities(trust: Trust): Promise<Authorities> {
  const { prefix, verifyPeer, caPath, caInfo, caInfoVal } = trust;
  if (!verifyPeer || (caPath === '' && caInfo === '' && caInfoVal === '')) return undefined;
  const common = async () => {
    if (caInfoVal !== '') return certificates(`${prefix}CAINFO_VAL`, caInfoVal);
    if (caInfo === '') return rootCertificates;
    return certificates(`${prefix}CAINFO`, await text(caInfo).catch(() => ''));
  };
  return [...(await common()), ...(caPath === '' ? [] : await folder(`${prefix}CAPATH`, caPath))];
}

/** Tells certificates from others without keeping them. */
export function digest(certificates: Authorities): string {
  const hash = createHash('sha256');
  for (const pem of certificates ?? []) hash.update(pem);
  return certificates === undefined ? '' : hash.digest('hex');
}

function certificates(parameter: string, pem: string): string[] {
  const found = pem.match(PEM) ?? [];
  if (found.length === 0) throw unusable(parameter);
  return found;
}

/** For connections; undefined = Node's own. INVALID_INPUT when they are no certificates. */
export function secureContext({ prefix }: Trust, trusted: Authorities): SecureContext | undefined {
  if (trusted === undefined) return undefined;
  try {
    return createSecureContext({ ca: [...trusted] });
  } catch {
    throw unusable(`${prefix}CAINFO, ${prefix}CAINFO_VAL, ${prefix}CAPATH`);
  }
}

/** OpenSSL looks only for names that `openssl rehash` made; here every file that holds certificates counts. */
async function folder(parameter: string, path: string): Promise<string[]> {
  const names = await readdir(path).catch(() => undefined);
  if (names === undefined || names.length > MAX_FILES) throw unusable(parameter);
  const found = new Set<string>();
  let bytes = 0;
  for (const name of names.sort()) {
    const pem = await text(join(path, name)).catch(() => '');
    bytes += pem.length;
    if (bytes > MAX_BYTES) throw unusable(parameter);
    for (const certificate of pem.match(PEM) ?? []) found.add(certificate);
  }
  return [...found];
}

/** A regular file that is not too large; whoever configures paths learns nothing of other files. */
async function text(path: string): Promise<string> {
  let file: FileHandle | undefined;
  try {
    // A pipe would be waited for.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const facts = await file.stat();
    if (!facts.isFile() || facts.size > MAX_BYTES) return '';
    const { bytesRead, buffer } = await file.read(Buffer.alloc(facts.size), 0, facts.size, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file?.close();
  }
}

function unusable(parameter: string): Error {
  return refusal(parameter, 'no certificates can be read there (PEM is wanted)', { curl: 77 });
}
