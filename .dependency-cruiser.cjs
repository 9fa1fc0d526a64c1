/** Imports go one way: machines <- src/kernel <- adapters <- src <- test, visualizations. The signer reaches neither node nor network. */
const SIGNER = '^src/(signer/|shell/signer\\.ts$|commands/signer-)'

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Parts that need each other are one part, or hide a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'machines-are-pure',
      comment: 'A machine knows XState and the vocabulary, and nothing that runs it.',
      severity: 'error',
      from: { path: '^machines/' },
      to: { pathNot: ['^machines/', '^node_modules/xstate/'] },
    },
    {
      name: 'machines-stand-alone',
      comment:
        'Machines speak to each other by events, never by import; what they share are words, ids and messages. ' +
        "A machine's second file bears its name: transfer.ts, transfer-telling.ts.",
      severity: 'error',
      from: { path: '^machines/([a-z]+)', pathNot: '^machines/(vocabulary|ids|messages)\\.ts$' },
      to: { path: '^machines/', pathNot: '^machines/(vocabulary|ids|messages|$1-[a-z]+)\\.ts$' },
    },
    {
      name: 'kernel-below-adapters',
      comment: 'Step, images, faults and ports: what adapters and both daemons stand on.',
      severity: 'error',
      from: { path: '^src/kernel/' },
      to: { path: '^(adapters|src|test|visualizations)/', pathNot: '^src/kernel/' },
    },
    {
      name: 'adapters-below-src',
      severity: 'error',
      from: { path: '^adapters/' },
      to: { path: '^(src|test|visualizations)/', pathNot: '^src/kernel/' },
    },
    {
      name: 'src-below-test',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/inspector/page/' },
      to: { path: '^(test|visualizations)/' },
    },
    {
      name: 'page-apart',
      comment:
        'The page runs in browsers: of the rest it knows the shape of the API and of the pictures; of what runs, only the words that it shares with the commands, and how blocks are told, which it shares with the watcher; a type may be claimed.',
      severity: 'error',
      from: { path: '^src/inspector/page/' },
      to: {
        path: '^(machines|adapters|src|test|visualizations)/',
        pathNot: '^src/(inspector/(page/|blocks\\.ts$|story\\.ts$|words\\.ts$)|kernel/untyped\\.ts$)',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'page-unknown',
      severity: 'error',
      from: { path: '^(machines|adapters|src)/', pathNot: '^src/inspector/page/' },
      to: { path: '^src/inspector/page/' },
    },
    {
      name: 'families-apart',
      comment: 'A family never imports another: what they share stands beside their folders.',
      severity: 'error',
      from: { path: '^adapters/([^/]+)/' },
      to: { path: '^adapters/[^/]+/', pathNot: '^adapters/$1/' },
    },
    {
      name: 'signer-without-nodes',
      comment: 'The signer needs no node: it judges a template by itself.',
      severity: 'error',
      from: { path: SIGNER },
      to: { path: '^adapters/[^/]+/(rpc|node|planner|watch|build|source)\\.ts$', reachable: true },
    },
    {
      name: 'signer-without-clients',
      comment:
        'ethers brings an HTTP client along: the watcher builds with it, and the signer reads with another implementation.',
      severity: 'error',
      from: { path: SIGNER },
      to: { path: '^node_modules/ethers/', reachable: true },
    },
    {
      name: 'signer-without-network',
      comment: 'The signer opens no connection.',
      severity: 'error',
      from: { path: SIGNER },
      to: { path: '^src/shell/request\\.ts$', reachable: true },
    },
    {
      name: 'watcher-without-signer',
      comment: 'The watcher knows the signer by its API only.',
      severity: 'error',
      from: { path: '^src/(watcher|orchestrator)/' },
      to: { path: '^src/signer/', reachable: true },
    },
    {
      name: 'signer-without-watcher',
      severity: 'error',
      from: { path: SIGNER },
      to: { path: '^src/(watcher|orchestrator|inspector|devnet)/', reachable: true },
    },
    {
      name: 'wire-between',
      comment: 'What watcher and signer say to each other belongs to neither.',
      severity: 'error',
      from: { path: '^src/signer-api/' },
      to: { path: '^src/(signer|watcher|orchestrator|ledger|shell)/', reachable: true },
    },
    {
      name: 'ledger-above-its-engines',
      comment: 'What any engine owes is said without naming one.',
      severity: 'error',
      from: { path: '^src/ledger/[^/]+$' },
      to: { path: '^src/ledger/[^/]+/' },
    },
    {
      name: 'engine-by-its-door',
      comment:
        'Files are the business of the engine that keeps them, and of who checks them, copies them, moves them aside or asks whose they are.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot:
          '^src/(ledger/lowdb/|commands/(verify|backup)\\.ts$|shell/offline\\.ts$|signer/offline/(aside|establish)\\.ts$)',
      },
      to: { path: '^src/ledger/lowdb/', pathNot: '/engine\\.ts$' },
    },
    {
      name: 'shell-outermost',
      comment: 'The real clock, disk and network are handed in; only entry points know them.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(shell/|commands/|cli\\.ts$|devnet/process\\.ts$)' },
      to: { path: '^src/shell/' },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-development-packages',
      comment: 'What runs at a user has no development packages.',
      severity: 'error',
      from: { path: '^(machines|adapters|src)/', pathNot: '^src/inspector/page/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|lockkeeper-data)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.json'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
}
