import { execFileSync } from 'node:child_process';

export interface Certificate {
  key: string;
  cert: string;
}

/** A certificate that trusts itself, for names as `DNS:localhost` and `IP:127.0.0.1`. */
export function selfSigned(...names: string[]): Certificate {
  const options = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const subject = ['-subj', '/CN=test', '-addext', `subjectAltName=${names.join(',')}`];
  const both = execFileSync('openssl', ['req', ...options, ...subject, '-keyout', '-', '-out', '-'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const at = both.indexOf('-----BEGIN CERTIFICATE-----');
  return { key: both.slice(0, at), cert: both.slice(at) };
}
