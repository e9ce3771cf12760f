import { writeFileSync } from 'node:fs';
import { exportDocument } from '../../declarative/index.ts';
import { CommandError } from '../command/command-error.ts';
import type { Action, Call } from '../command/command-spec.ts';
import type { Tools } from '../command/tools.ts';
import { ResourceNames } from '../connection/resource-names.ts';
import { counted, visible } from '../output/plain-text.ts';
import { resourceApi } from './resource-api.ts';

export const exportConfig: Action = async (call, tools) => {
  const { out, api } = tools;
  const projects = projectsOf(call, tools);
  const hasOrganization = call.flags.isSet('organization');
  const { text, notes } = await exportDocument(resourceApi(api), projects, hasOrganization);
  for (const note of notes) out.note(visible(note));
  const file = call.flags.text('out');
  if (out.isJson) out.json({ text, notes });
  else if (file === undefined) await out.write(text);
  if (file === undefined) return;
  write(file, text);
  if (!out.isJson) out.line(`Wrote ${counted(projects.length, 'project')} to ${visible(file)}.`);
};

function projectsOf({ flags }: Call, { names }: Tools): string[] {
  const given = flags.text('project');
  if (given === undefined) return [names.project()];
  return [...new Set(given.split(','))].map((id) => new ResourceNames(id).project());
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new CommandError(`${file} cannot be written: ${(error as Error).message}.`);
  }
}
