/**
 * The signer: makes keys, and turns unsigned into signed. It opens no connection; everything real comes through the
 * ports, so that the simulator runs it unchanged.
 */
import { boundary } from '../kernel/fault.ts'
import type { Log, Ports } from '../kernel/ports.ts'
import { signingFamilyOf } from '../../adapters/signing.ts'
import type { SigningFamily } from '../../adapters/family.ts'
import type { SignerConfig } from '../config.ts'
import { createHandler, type RouteHandler } from '../http/handler.ts'
import type { HttpRequest } from '../http.ts'
import { openTokenFile } from '../http/token-file.ts'
import { createAttempts, UNSIGNED_BOUNDS, type ServedChain } from './signing/attempts.ts'
import { openAudit } from './audit/open.ts'
import type { PolicyRules } from './audit/trail.ts'
import type { AuditLog } from './audit/writer.ts'
import { audited } from './audit/audited.ts'
import { identityOf } from './keys/identity.ts'
import { openKeystore } from './keys/keystore.ts'
import { openMemory, type SignerMemory } from './memory/memory.ts'
import type { Authority } from '../approvals.ts'
import { openDestinations } from './signing/destinations.ts'
import { changesSince, statePolicy } from './signing/policy-statement.ts'
import { openPool } from './keys/pool.ts'
import { createTurns, type RouteContext } from './route-context.ts'
import { refuseOldKeys } from './keys/binding.ts'
import { signerRoutes } from './routes/table.ts'
import { HASH_HEADER, SEQUENCE_HEADER } from '../signer-api/routes.ts'
import { createAllowance } from './signing/allowance.ts'
import { createVoids } from './signing/voids.ts'

/** All but templates, which have a bound of their own (signer-api/routes.ts). */
const MAXIMUM_BODY_BYTES = 4 * 1024

/** A running signer: its HTTP API as one function, without a server around it. */
export interface Signer {
  handle: RouteHandler
  /** Whether its memory still stands where it was opened: null, or what is wrong. */
  check(): Promise<string | null>
  /** Reads its tokens anew; see token-file.ts. */
  reload(): Promise<void>
  /** Finishes what was begun, lets go of the memory and overwrites the seed. */
  stop(): Promise<unknown>
}

/**
 * Starts the signer. Rejects before it serves: boundary `configuration`, `invalid-tokens`, `no-keystore` or
 * `wrong-passphrase`; corruptStore for a damaged keystore or memory; operating `locked`; invariant `crypto-backend`.
 */
export async function main(
  ports: Ports,
  config: SignerConfig,
  passphrase: string,
  processMetrics: () => string = () => '',
): Promise<Signer> {
  const { log } = ports
  const families = Object.entries(config.chains).map(([name, chain]) => ({
    name,
    family: signingFamilyOf(name, chain),
  }))
  const { tokens, reload } = await openTokenFile(ports, config.tokenFile)
  const { seed, binding } = await openKeystore(ports, config.keystore.file, passphrase)
  refuseOldKeys(binding, config.authorisation?.keys ?? [])
  const memory = await openMemory(ports, config.dataDirectory, binding.ledgerId, { seed })
  try {
    const chains = new Map<string, ServedChain>()
    for (const { name, family } of families)
      chains.set(name, await openChain(ports, config, { name, family, seed, memory }))
    const context = { ...assemble(ports, config, { chains, seed, memory }), processMetrics }
    const handle = createHandler(signerRoutes(context), {
      tokens,
      maximumBodyBytes: MAXIMUM_BODY_BYTES,
      log,
      guard: request => {
        refuseWhenBehind(memory, request)
      },
    })
    const { key, sign } = context.identity
    const owner = { ...binding, key }
    const audit = await openAudit(ports, { directory: config.dataDirectory, owner, sign, memory })
    await notePolicy(audit, context.policy, log)
    const stop = async () => {
      await audit.close()
      await memory.close().finally(() => seed.fill(0))
    }
    const check = () => memory.check()
    return { handle: audited(handle, { audit, memory, clock: ports.clock, tokens }), check, reload, stop }
  } catch (error) {
    await memory.close()
    throw error
  }
}

async function openChain(
  { clock }: Ports,
  config: SignerConfig,
  { name, family, seed, memory }: { name: string; family: SigningFamily; seed: Uint8Array; memory: SignerMemory },
): Promise<ServedChain> {
  const { policy } = config.chains[name]!
  const growth = createAllowance('limits.addresses', `more addresses of ${name}`, config.limits.addresses, clock)
  const pool = await openPool({ chain: name, deriver: family.deriver, seed, memory, clock, growth })
  const destinations = openDestinations(name, policy.destinations, family.signable)
  return { name, policy, destinations, family, pool }
}

/** The policy stands in the audit log at each start, with what has changed; what is looser than before is a warning. */
async function notePolicy(audit: AuditLog, policy: PolicyRules, log: Log): Promise<void> {
  const changes = changesSince(audit.policy(), policy)
  await audit.record({ what: 'policy', ...policy, changes })
  const looser = changes.filter(({ isLooser }) => isLooser)
  const others = changes.filter(({ isLooser }) => !isLooser)
  if (looser.length > 0) log('warn', 'the policy is looser than at the last start', { changes: looser })
  if (others.length > 0) log('info', 'the policy has changed since the last start', { changes: others })
}

function assemble(
  { clock, log }: Ports,
  config: SignerConfig,
  { chains, seed, memory }: { chains: Map<string, ServedChain>; seed: Uint8Array; memory: SignerMemory },
): Omit<RouteContext, 'processMetrics'> {
  const authority = authorityOf(config)
  if (authority === null)
    log('warn', 'authorisation is not required: whoever controls the watcher can empty the wallet')
  const now = () => clock.now()
  const identity = identityOf(seed)
  const unasked = createAllowance('limits.ownTransfers', 'templates without intents', config.limits.ownTransfers, clock)
  const unsigned = createAllowance('limits.refusals', 'templates that are not signed', config.limits.refusals, clock)
  const unseen = createAllowance('limits.voids', 'voids of what was never seen', config.limits.voids, clock)
  const wallet = identity.key
  const attempts = createAttempts({
    memory,
    seed,
    authority,
    wallet,
    bounds: UNSIGNED_BOUNDS,
    unasked,
    unsigned,
    log,
    now,
  })
  return {
    chains,
    identity,
    authority,
    attempts,
    voids: createVoids({ memory, identity, unseen, log, now }),
    memory,
    policy: statePolicy(config),
    inTurn: createTurns(),
  }
}

function authorityOf({ authorisation }: SignerConfig): Authority | null {
  if (authorisation?.required !== true) return null
  return { keys: authorisation.keys, approvals: authorisation.approvals }
}

/**
 * S3: a memory that was restored from a backup has forgotten what it signed. Whoever has seen a later one, or one that
 * went on otherwise from some point, shows it and is told so instead of being served. At sequence 0 nothing had been
 * promised yet, so any memory may follow.
 */
function refuseWhenBehind(memory: SignerMemory, { headers }: HttpRequest): void {
  const seen = headers[SEQUENCE_HEADER.toLowerCase()]
  if (seen === undefined) return
  if (!/^\d{1,15}$/.test(seen)) throw boundary('invalid-header', `${SEQUENCE_HEADER} is a whole number`)
  const { sequence } = memory.position()
  if (Number(seen) > sequence) {
    throw boundary('memory-behind', `memory ${seen} was seen, this signer is at ${sequence}: import the newer memory`)
  }
  const hash = headers[HASH_HEADER.toLowerCase()]
  if (hash === undefined || Number(seen) === 0 || memory.had({ sequence: Number(seen), hash })) return
  throw boundary('memory-behind', `at ${seen} another memory was seen: this one has forked from it and must not sign`)
}
