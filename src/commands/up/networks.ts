/** Which networks are shown: simulated ones of every family, or one real node in the place of them all. */
import { FAMILIES } from '../../devnet/families.ts'
import type { ConfiguredChain } from '../../devnet/traffic.ts'
import type { Devnet } from '../../devnet/devnet.ts'
import { boundary, operating } from '../../kernel/fault.ts'
import { isOnPath } from '../../shell/children.ts'
import { toolsOf, type Setting, type Starting } from './demonstration.ts'

export interface Networks {
  /** What the directory is begun with: other networks have other chains. Names no credentials. */
  mode: string
  start(setting: Setting): Promise<Starting[]>
}

const isUrl = (node: string): boolean => /^https?:\/\//.test(node) && URL.canParse(node)

/** @throws boundary `configuration` for a node that nobody knows, operating `missing-daemon` where it is not installed */
export function chooseNetworks(node: string | undefined): Networks {
  if (node === undefined) return { mode: 'simulated', start: startSimulated }
  return isUrl(node) ? attached(node) : daemon(node)
}

/** Whoever waits for it hears of its failure. */
function starting(configured: ConfiguredChain, devnet: Promise<Devnet>): Starting {
  const running = devnet.then(running => ({ ...configured, devnet: running }))
  running.catch(() => undefined)
  return { ...configured, running }
}

const startSimulated = async (setting: Setting): Promise<Starting[]> =>
  FAMILIES.flatMap(({ family, chains, simulate }) =>
    chains.map(chain =>
      starting(
        { family, chain },
        toolsOf(setting, chain.name).then(tools => simulate(chain, tools)),
      ),
    ),
  )

function daemon(command: string): Networks {
  const found = FAMILIES.find(({ daemons }) => Object.hasOwn(daemons, command))
  if (found === undefined) {
    const known = FAMILIES.flatMap(({ daemons }) => Object.keys(daemons)).join(', ')
    throw boundary('configuration', `--node ${command}: neither a URL nor one of ${known}`)
  }
  if (!isOnPath(command))
    throw operating('missing-daemon', `there is no ${command} on the PATH: on Debian, apt-get install ${command}`)
  const { chain, start } = found.daemons[command]!
  return {
    mode: command,
    start: async setting => [
      starting(
        { family: found.family, chain },
        toolsOf(setting, chain.name).then(tools => start(tools)),
      ),
    ],
  }
}

function attached(url: string): Networks {
  return {
    mode: new URL(url).origin,
    async start(setting) {
      for (const { family, attach } of FAMILIES) {
        const found = await attach(url, chain => toolsOf(setting, chain))
        if (found !== null) return [starting({ family, chain: found.chain }, Promise.resolve(found.devnet))]
      }
      throw boundary('configuration', `--node ${new URL(url).origin}: its network is none that can be shown`)
    },
  }
}
