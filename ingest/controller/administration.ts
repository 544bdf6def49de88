import type { DatabaseDescriptor, WorkerLocation } from './controller';

/** What is kept of databases beside their tables: families, workers, and records that are put right by hand. */

export interface FamilyDescriptor {
  name: string;
  replicationLevel: number;
  numStripes: number;
  numSubStripes: number;
  /** Degrees. */
  overlap: number;
}

export interface WorkerDescriptor {
  name: string;
  isEnabled: boolean;
  isReadOnly: boolean;
  location: WorkerLocation;
}

export interface DeleteFamilyOptions {
  /** Although databases belong to it: their records go too. Default false. */
  force?: boolean;
}

/**
 * addFamily: ALREADY_EXISTS for a name that is taken, whatever its partitioning; INVALID_INPUT.
 * deleteFamily: UNKNOWN_FAMILY; ILLEGAL_STATE while it has databases (`details.databases`), unless forced: then everything
 *   recorded of them goes, but no table in MariaDB.
 * markPublished: sets the flags of the database and of all its tables, and does none of the work of publishing: for records that
 *   say less than is true. DATABASE_PUBLISHED; ILLEGAL_STATE while a next version of a table is registered.
 */
export interface AdministrationOperations {
  /** By name. */
  families(): Promise<FamilyDescriptor[]>;
  family(name: string): Promise<FamilyDescriptor>;
  addFamily(family: FamilyDescriptor): Promise<FamilyDescriptor>;
  deleteFamily(name: string, options?: DeleteFamilyOptions): Promise<void>;
  /** All of them, by name. */
  workers(): Promise<WorkerDescriptor[]>;
  markPublished(database: string): Promise<DatabaseDescriptor>;
}
