import type { CommandSpec } from '../command/command-spec.ts';
import { regionOption } from '../run/run-spec.ts';

export const vaultSpec: CommandSpec = {
  name: 'vault',
  summary: 'Show, check and look after the images that the vault keeps sealed.',
  commands: [
    {
      name: 'ls',
      summary: 'List images, or the files of one: their names need no key.',
      details: 'Names are read from the index as it is stored; verify authenticates it.',
      arguments: [{ name: 'SERVICE', isOptional: true }],
      options: [
        {
          name: 'digest',
          placeholder: 'DIGEST',
          doc: 'Of the image, or how it begins [the newest].',
        },
        regionOption,
      ],
      examples: [
        { line: 'sealpost vault ls', does: 'images, sizes, what is stored once for several' },
        { line: 'sealpost vault ls hello', does: 'every path of its image' },
      ],
      load: async () => (await import('./image-actions.ts')).listImages,
    },
    {
      name: 'verify',
      summary: 'Authenticate every stored layer with its key, and report.',
      details:
        'Each DEK is unwrapped once. Exit code 1 if something is damaged or could not be read.',
      examples: [{ line: 'sealpost vault verify', does: 'with progress, and what was found' }],
      load: async () => (await import('./upkeep-actions.ts')).verifyVault,
    },
    {
      name: 'gc',
      summary: 'Remove layers that no image needs any more.',
      details:
        'The vault does so by itself about once an hour. Layers that an import counted on within the\n' +
        'last hour stay.',
      examples: [{ line: 'sealpost vault gc', does: 'says how many, and how much is free again' }],
      load: async () => (await import('./upkeep-actions.ts')).collect,
    },
    {
      name: 'rewrap',
      summary: 'Wrap DEKs under the primary version of their key; layers stay as they are.',
      arguments: [{ name: 'KEY', isOptional: true }],
      examples: [
        {
          line: 'sealpost vault rewrap us-central1/cafe/images',
          does: 'before version 1 is destroyed',
        },
      ],
      load: async () => (await import('./upkeep-actions.ts')).rewrap,
    },
    {
      name: 'import',
      summary: 'Take an image in ahead of its deployment, under the key that its service has.',
      arguments: [{ name: 'SERVICE' }, { name: 'IMAGE' }],
      options: [regionOption],
      examples: [
        {
          line: 'sealpost vault import hello us-docker.pkg.dev/cloudrun/container/hello:v2',
          does: 'with progress; what was stored of an interrupted import is not fetched again',
        },
      ],
      load: async () => (await import('./image-actions.ts')).importImage,
    },
    {
      name: 'keys',
      summary: 'Show the keys of services: states, deadlines, versions that wrap DEKs.',
      examples: [
        { line: 'sealpost vault keys', does: 'which version is still needed, and by what' },
      ],
      load: async () => (await import('./upkeep-actions.ts')).listVaultKeys,
    },
  ],
};
