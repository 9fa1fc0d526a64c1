/**
 * docs/install.md, followed: its own commands, in a mount namespace with directories and users of its own. What only systemd does
 * (its credentials, its directories, starting what the units say) is done here as the units say; the units are judged in deploy.test.ts.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { TEST_MS } from '../patience.ts'

const page = readFileSync('docs/install.md', 'utf8')
const sectionOf = (heading: string): string => page.split(/^## /m).find(part => part.startsWith(`${heading}\n`))!
const blocksOf = (heading: string, language: string): string[] =>
  [...sectionOf(heading).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(match => match[1]!)
const unitOf = (name: string): string => readFileSync(join('deploy', name), 'utf8')
/** What the unit runs, with its instance and its percent signs resolved. */
const startOf = (name: string, instance = ''): string =>
  /^ExecStart=(.*)$/m
    .exec(unitOf(name))![1]!
    .replaceAll('%i', instance)
    .replaceAll('%%', '%')
    .replaceAll('/usr/bin/node', process.execPath)

const NETWORK = 'family: bitcoin, network: litecoin-regtest, asset: LTC'
const [signerYaml, watcherYaml] = blocksOf('Keys and configuration', 'yaml')
const [init, place, encrypt, tokens] = blocksOf('Keys and configuration', 'sh')
const program = blocksOf('The program', 'sh')[0]!

/** Where the page installs from a registry, the checkout stands in that place. */
const installed = program
  .split('\n')
  .map(line => (/^npm install/.test(line) ? 'mount_checkout /opt/lockkeeper-$VERSION' : line))
  .join('\n')

const SCRIPT = `
set -euo pipefail
mount --make-rprivate /
cd "$WORK"
mkdir copy && cp -a /etc copy/etc && mount --bind copy/etc /etc
for folder in /opt /var/lib /var/backups /root /run; do mkdir -p "$folder"; mount -t tmpfs tmpfs "$folder"; done
mount_checkout() { mkdir -p "$1/node_modules/lockkeeper"; mount --bind "$CHECKOUT" "$1/node_modules/lockkeeper"; }
${installed}
${blocksOf('Users and paths', 'sh')[0]}
openssl rand -base64 32 > backend.pub && cp backend.pub /root/
${init}
${place}
: what systemd does with ${JSON.stringify(encrypt!.trim())}
install -d -m 0755 /run/credentials/lockkeeper-signer.service
printf %s "$LOCKKEEPER_PASSPHRASE" > /run/credentials/lockkeeper-signer.service/passphrase
chown lockkeeper-signer /run/credentials/lockkeeper-signer.service/passphrase
install -d -o lockkeeper-signer -g lockkeeper-signer -m 0750 /run/lockkeeper-signer
install -d -o lockkeeper-watcher -g lockkeeper-watcher -m 0700 /var/lib/lockkeeper-watcher
cat > /etc/lockkeeper/signer.yaml <<END
${signerYaml}authorisation: { required: true, keys: [ "$(cat backend.pub)" ], approvals: 1 }
chains: { litecoin: { ${NETWORK} } }
END
cat > /etc/lockkeeper/watcher.yaml <<END
${watcherYaml}chains: { litecoin: { ${NETWORK}, node: { url: 'http://127.0.0.1:1' } } }
END
chmod 0644 /etc/lockkeeper/*.yaml
${tokens}
unset LOCKKEEPER_PASSPHRASE
as() { user="$1"; shift; setpriv --reuid "$user" --regid "$user" --groups "$user,lockkeeper-signer" --no-new-privs env -i PATH="$PATH" "$@"; }
until_ready() { for n in $(seq 1 600); do if grep -q 'ready on' "$1"; then return; fi; sleep 0.1; done; cat "$1"; exit 1; }
cd "$WORK" && chmod 0755 "$WORK"
start_signer() { as lockkeeper-signer ${startOf('lockkeeper-signer.service')} > signer.log 2>&1 & signer=$!; until_ready signer.log; }
start_watcher() { as lockkeeper-watcher ${startOf('lockkeeper-watcher.service')} > watcher.log 2>&1 & watcher=$!; until_ready watcher.log; }
end() { kill "$1"; wait "$1"; }
start_signer
start_watcher
lockkeeper() { ${process.execPath} /opt/lockkeeper/node_modules/lockkeeper/dist/src/cli.js "$@"; }
for n in $(seq 1 300); do if lockkeeper status --config /etc/lockkeeper/watcher.yaml > status.txt 2>&1 && grep -q unreachable status.txt; then break; fi; sleep 0.2; done
cat status.txt
for process in signer watcher; do
  install -d -o lockkeeper-$process -g lockkeeper-$process -m 0700 /var/backups/lockkeeper-$process
done
as lockkeeper-watcher ${startOf('lockkeeper-backup@.service', 'watcher')}
as lockkeeper-signer ${startOf('lockkeeper-backup@.service', 'signer')}
ls /var/backups/*/*/RESTORE.txt
: an upgrade, the signer first, and the way back
mkdir -p /opt/lockkeeper-0.2.0 && cp signer.mjs /opt/lockkeeper-0.2.0/ && mount_checkout /opt/lockkeeper-0.2.0
for version in 0.2.0 $VERSION; do
  ln -sfn /opt/lockkeeper-$version /opt/lockkeeper
  end $signer; start_signer
  end $watcher; start_watcher
  lockkeeper status --config /etc/lockkeeper/watcher.yaml > /dev/null
  echo "runs $version"
done
end $watcher; end $signer
`

test(
  'an installation by docs/install.md runs, is backed up, and is upgraded and taken back',
  () => {
    if (process.getuid?.() !== 0) {
      console.warn('docs/install.md: not run: it needs root (users, mounts)')
      return
    }
    const work = mkdtempSync(join(tmpdir(), 'lockkeeper-install-'))
    onTestFinished(() => rmSync(work, { recursive: true, force: true }))
    const built = spawnSync(process.execPath, ['scripts/build-signer.mjs', work], { encoding: 'utf8' })
    expect(built.status, built.stderr).toBe(0)
    writeFileSync(join(work, 'follow.sh'), SCRIPT)
    const env = { ...process.env, WORK: work, CHECKOUT: resolve('.') }
    const { status, stdout, stderr } = spawnSync('unshare', ['--mount', '--', 'bash', join(work, 'follow.sh')], {
      encoding: 'utf8',
      env,
    })
    expect({ status, stderr }).toMatchObject({ status: 0 })
    expect(stdout).toContain('litecoin')
    expect(stdout.match(/RESTORE\.txt/g)!.length).toBeGreaterThanOrEqual(2)
    expect(stdout).toMatch(/runs 0\.2\.0\nruns 0\.1\.0/)
  },
  TEST_MS,
)
