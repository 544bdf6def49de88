import type { Controller, DatabaseDefinition, DatabaseDescriptor } from '../../controller/controller';
import { sameName } from '../../core/names';
import { describeDatabase } from '../describe-database';
import type { Faults } from './faults';

/** Holds the database against what is registered under its name; returns that, if there is anything. */
export async function checkRegistered(
  database: DatabaseDefinition,
  adopt: boolean,
  controller: Controller,
  faults: Faults,
): Promise<DatabaseDescriptor | undefined> {
  const twin = (await controller.databases()).find((d) => d.name !== database.name && sameName(d.name, database.name));
  if (twin !== undefined) faults.add('database.database', `'${twin.name}' is there, which differs in case only`);
  const registered = await describeDatabase(controller, database.name);
  const fault = adopt ? adoptionFault(database.name, registered) : publishedFault(registered);
  if (fault !== undefined) faults.add('database.database', fault);
  if (registered === undefined) return undefined;
  const { numStripes, numSubStripes } = await controller.family(registered.family);
  if (numStripes !== database.numStripes || numSubStripes !== database.numSubStripes) {
    const there = `${numStripes} stripes with ${numSubStripes} sub-stripes each`;
    const remedy = adopt ? 'give the same' : `\`campaign delete ${database.name}\` first`;
    faults.add('database.num_stripes', `'${database.name}' is registered with ${there}; ${remedy}`);
  }
  return registered;
}

function publishedFault(registered: DatabaseDescriptor | undefined): string | undefined {
  if (!registered?.isPublished) return undefined;
  const { name } = registered;
  return (
    `'${name}' is published already; choose another name, take it over with "adopt" and republish it, ` +
    `or \`campaign delete ${name}\` first`
  );
}

function adoptionFault(name: string, registered: DatabaseDescriptor | undefined): string | undefined {
  if (registered === undefined) return `there is no database '${name}' to adopt`;
  if (registered.isPublished) return undefined;
  return `'${name}' is not published, so there is nothing to adopt; load its tables, or publish it`;
}
