/**
 * What a signer is configured to sign, as rules that can be written down, compared and read aloud: whoever changes its mind
 * leaves a trace. Only what bears on a decision; where it listens and what its files are called is nobody's business here.
 */
import { createHash } from 'node:crypto'
import type { SignerConfig } from '../../config.ts'
import type { PolicyChange, PolicyRules } from '../audit/trail.ts'

/** A longer list is told by its digest. */
const MAXIMUM_LISTED = 100

const CAPS = /\.(maximumFeeRate|maximumFee|maximumTickets|perTransaction|perDay)$/
const ALLOWED = /^(.*\.destinations\.allowed)(\..*)?$/
const BLOCKED = /\.destinations\.blocked(\.|$)/

/** The rules by their path in signer.yaml, and the SHA-256 of all of them. */
export function statePolicy({ authorisation, chains }: SignerConfig): PolicyRules {
  const required = authorisation?.required ?? false
  const stated = { authorisation: { ...authorisation, required }, chains }
  const rules = Object.fromEntries(rulesOf('', stated).sort(([a], [b]) => (a < b ? -1 : 1)))
  return { digest: createHash('sha256').update(JSON.stringify(rules)).digest('hex'), rules }
}

function rulesOf(path: string, value: unknown): [string, string][] {
  if (Array.isArray(value)) return listOf(path, value)
  if (typeof value !== 'object' || value === null)
    return value === undefined ? [] : [[path, typeof value === 'string' ? value : JSON.stringify(value)]]
  return Object.entries(value).flatMap(([name, member]) => rulesOf(path === '' ? name : `${path}.${name}`, member))
}

function listOf(path: string, list: readonly unknown[]): [string, string][] {
  if (list.some(entry => typeof entry !== 'string')) return [[path, JSON.stringify(list)]]
  const entries = [...(list as string[])].sort()
  const count = `${entries.length} entries`
  if (entries.length <= MAXIMUM_LISTED) return [[path, count], ...entries.map((entry): [string, string] => [`${path}.${entry}`, 'listed'])] // prettier-ignore
  return [[path, `${count}, SHA-256 ${createHash('sha256').update(JSON.stringify(entries)).digest('hex')}`]]
}

/** What is another rule than before, by path. Nothing when nothing was stated before. */
export function changesSince(before: PolicyRules | null, after: PolicyRules): PolicyChange[] {
  if (before === null || before.digest === after.digest) return []
  const paths = [...new Set([...Object.keys(before.rules), ...Object.keys(after.rules)])].sort()
  return paths.flatMap(rule => {
    const [old, now] = [before.rules[rule] ?? null, after.rules[rule] ?? null]
    if (old === now) return []
    return [{ rule, before: old, after: now, isLooser: isLooser(rule, old, now, before) }]
  })
}

/** Whether more is signed than before. What cannot be told counts as looser. */
function isLooser(rule: string, old: string | null, now: string | null, before: PolicyRules): boolean {
  if (CAPS.test(rule)) return now === null || (old !== null && Number(now) > Number(old))
  if (rule.endsWith('.gasFunding')) return now !== null && Number(now) > Number(old ?? 0)
  if (rule === 'authorisation.required') return now !== 'true'
  if (rule === 'authorisation.approvals') return !(Number(now ?? 1) >= Number(old ?? 1))
  // How many there are: those that were added or removed stand for themselves.
  if (rule === 'authorisation.keys') return false
  const allowed = ALLOWED.exec(rule)
  if (allowed !== null) return isLessBound(allowed[2] === undefined, old, now, before.rules[allowed[1]!] !== undefined)
  if (BLOCKED.test(rule)) return now === null || (old?.includes('SHA-256') ?? false) || now.includes('SHA-256')
  return now !== null
}

/** Of the destinations that are allowed: `isList`: the list itself, not one of its entries. */
function isLessBound(isList: boolean, old: string | null, now: string | null, wasBound: boolean): boolean {
  if (!isList) return wasBound && now !== null
  if (now === null) return true
  return old !== null && (old.includes('SHA-256') || now.includes('SHA-256'))
}
