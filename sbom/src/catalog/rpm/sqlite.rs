//! SQLite, `rpmdb.sqlite`: what rpm keeps since version 4.16.
//!
//! The table `Packages` holds a header in each row, as in `lib/backend/sqlite.c` of rpm 4.20.

use rusqlite::{Connection, OpenFlags, config::DbConfig, limits::Limit};

use super::database::{Budget, Fault};

/// Whether the file begins as one.
pub(super) fn is_it(bytes: &[u8]) -> bool {
    bytes.starts_with(b"SQLite format 3\0")
}

/// Calls `each` with every row's header.
pub(super) fn headers(
    bytes: &[u8],
    log: Option<&[u8]>,
    each: &mut dyn FnMut(&[u8]),
) -> Result<(), Fault> {
    if let Some(log) = log.filter(|log| !log.is_empty()) {
        // Only SQLite knows which of the log's pages count, and it wants both as files.
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("rpmdb.sqlite");
        std::fs::write(&path, bytes)?;
        std::fs::write(folder.path().join("rpmdb.sqlite-wal"), log)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let longest = bytes.len().saturating_add(log.len());
        return read(Connection::open_with_flags(path, flags)?, longest, each);
    }
    let mut bytes = bytes.to_vec();
    // A database that has a log is none in memory; of this one there is no log.
    if let Some(versions) = bytes.get_mut(18..20) {
        versions.fill(1);
    }
    let mut connection = Connection::open_in_memory()?;
    let length = bytes.len();
    connection.deserialize_read_exact("main", bytes.as_slice(), length, true)?;
    drop(bytes);
    read(connection, length, each)
}

fn read(
    mut connection: Connection,
    longest: usize,
    each: &mut dyn FnMut(&[u8]),
) -> Result<(), Fault> {
    guard(&mut connection, longest)?;
    // A view, or a table that a module makes up, is no list of packages.
    let kind = "SELECT count(*) FROM sqlite_schema WHERE name = 'Packages' AND type = 'table' AND sql NOT LIKE '%VIRTUAL%'";
    let tables: i64 = connection.query_row(kind, [], |row| row.get(0))?;
    if tables != 1 {
        return Err(Fault::Damaged("the table `Packages`"));
    }
    let mut budget = Budget::new(longest);
    let mut statement = connection.prepare("SELECT blob FROM Packages ORDER BY hnum")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let blob = row.get_ref(0)?.as_blob();
        let blob = blob.map_err(|_| Fault::Damaged("a row of `Packages`"))?;
        budget.take(blob.len())?;
        each(blob);
    }
    Ok(())
}

/// What a file that somebody made up may not do: call functions, or work without end.
fn guard(connection: &mut Connection, longest: usize) -> Result<(), Fault> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    let longest = i32::try_from(longest).unwrap_or(i32::MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, longest)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    let mut steps = 0u32;
    connection.progress_handler(
        STEP,
        Some(move || {
            steps = steps.saturating_add(1);
            steps > STEPS
        }),
    )?;
    Ok(())
}

/// Instructions of SQLite between two looks at how many there were.
const STEP: i32 = 10_000;

/// Looks: a hundred million instructions, where a package takes a few.
const STEPS: u32 = 10_000;
