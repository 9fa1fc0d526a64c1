/** Certificates made with openssl, as an operator makes them: an authority, and what it signs. */
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificate {
  cert: string
  key: string
  /** SHA-256, hexadecimal with colons. */
  fingerprint: string
}

export interface Authority extends Certificate {
  /** Signs a certificate for 127.0.0.1, fit for server and client. */
  issue(name: string): Certificate
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })

function describe(directory: string, name: string): Certificate {
  const [cert, key] = [join(directory, `${name}.pem`), join(directory, `${name}.key`)]
  return { cert, key, fingerprint: new X509Certificate(readFileSync(cert)).fingerprint256 }
}

/** @param directory the files go there */
export function createAuthority(directory: string, name: string): Authority {
  const file = (suffix: string) => join(directory, `${name}.${suffix}`)
  const subject = ['-subj', `/CN=${name}`]
  openssl('req', '-x509', ...CURVE, '-days', '2', ...subject, '-keyout', file('key'), '-out', file('pem'))
  const issue = (issued: string): Certificate => {
    const out = (suffix: string) => join(directory, `${issued}.${suffix}`)
    openssl('req', ...CURVE, '-subj', `/CN=${issued}`, '-keyout', out('key'), '-out', out('csr'),
      '-addext', 'subjectAltName=IP:127.0.0.1') // prettier-ignore
    openssl('x509', '-req', '-in', out('csr'), '-CA', file('pem'), '-CAkey', file('key'), '-CAcreateserial',
      '-days', '2', '-copy_extensions', 'copy', '-out', out('pem')) // prettier-ignore
    return describe(directory, issued)
  }
  return { ...describe(directory, name), issue }
}
