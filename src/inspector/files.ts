/**
 * The inspector's own files as routes: public, because they hold nothing of the ledger; whatever they show they ask of the
 * API, with the token of whoever looks. Nothing else of the disk can be reached: a path is served when the build has listed it.
 */
import { z } from 'zod'
import { defineRoute, type Route } from '../http/route.ts'

/** What the build has made of one file. */
export interface BuiltFile {
  /** `/`, `/inspector/app-3f2a….js`, `/docs/operations`. */
  path: string
  contentType: string
  /** Its name says its content: a browser may keep it for ever. */
  isImmutable: boolean
  body: Uint8Array
  /** Compressed by the build, once: RFC 7932 and RFC 1952. */
  brotli: Uint8Array
  gzip: Uint8Array
}

/**
 * Nothing but this origin's own files, no inline code or style, no framing, no form: the page reads the API and shows text.
 * Trusted types forbid making markup from strings. https://www.w3.org/TR/CSP3/
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const SAFETY = {
  'content-security-policy': POLICY,
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
}

const KEPT = 'public, max-age=31536000, immutable'
/** A new version of the watcher has other files under the same paths. */
const ASKED_AGAIN = 'no-cache'

type Coding = 'br' | 'gzip' | null

/** RFC 9110, 12.5.3: what is named with `q=0` is refused. */
function codingOf(accepted: string | undefined): Coding {
  const accepts = (coding: string) =>
    (accepted ?? '').split(',').some(part => {
      const [name, ...parameters] = part
        .trim()
        .toLowerCase()
        .split(/\s*;\s*/)
      return name === coding && !parameters.some(parameter => /^q=0(\.0*)?$/.test(parameter))
    })
  if (accepts('br')) return 'br'
  return accepts('gzip') ? 'gzip' : null
}

const bodyOf = ({ body, brotli, gzip }: BuiltFile, coding: Coding): Uint8Array =>
  coding === 'br' ? brotli : coding === 'gzip' ? gzip : body

const fileRoute = (file: BuiltFile): Route =>
  defineRoute({
    method: 'GET',
    path: file.path,
    summary: "One of the inspector's own files",
    access: 'public',
    answers: { 200: z.unknown() },
    handle({ headers }) {
      const coding = codingOf(headers['accept-encoding'])
      const kept = { 'cache-control': file.isImmutable ? KEPT : ASKED_AGAIN, vary: 'accept-encoding' }
      const described = { 'content-type': file.contentType, ...(coding !== null && { 'content-encoding': coding }) }
      return { status: 200, headers: { ...SAFETY, ...kept, ...described }, body: bodyOf(file, coding) }
    },
  })

export const fileRoutes = (files: readonly BuiltFile[]): Route[] => files.map(fileRoute)
