#include "coordination/metadata_store/node_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <set>

namespace coordination::metadata_store {

using protocol::ErrorCode, protocol::fail, protocol::Result;

namespace {

// "Brnb": says that the file is ours; the user version is the format's.
constexpr int application_id = 0x42726e62;
constexpr int format_version = 1;

constexpr const char* schema =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE nodes (path TEXT PRIMARY KEY, data BLOB NOT NULL, czxid INTEGER NOT NULL, mzxid INTEGER NOT NULL,"
    " pzxid INTEGER NOT NULL, ctime_ms INTEGER NOT NULL, mtime_ms INTEGER NOT NULL, version INTEGER NOT NULL,"
    " cversion INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE store (id INTEGER PRIMARY KEY CHECK (id = 0), epoch INTEGER NOT NULL);"
    "PRAGMA application_id = 1114795618;"
    "PRAGMA user_version = 1;"
    "COMMIT;";
static_assert(application_id == 1114795618);

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

Statement prepare_statement(sqlite3* database, const char* text) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v3(database, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  return Statement(statement);
}

// Runs a statement that gives no rows, and makes it ready for the next time.
bool run(const Statement& statement) {
  const int outcome = sqlite3_step(statement.get());
  sqlite3_reset(statement.get());
  return outcome == SQLITE_DONE;
}

bool execute(sqlite3* database, const char* text) {
  return sqlite3_exec(database, text, nullptr, nullptr, nullptr) == SQLITE_OK;
}

std::int64_t read_number(sqlite3* database, const char* text) {
  const Statement statement = prepare_statement(database, text);
  if (!statement || sqlite3_step(statement.get()) != SQLITE_ROW) return 0;
  return sqlite3_column_int64(statement.get(), 0);
}

std::string column_bytes(sqlite3_stmt* row, int column) {
  const void* bytes = sqlite3_column_blob(row, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(row, column));
  return bytes ? std::string(static_cast<const char*>(bytes), size) : std::string();
}

}  // namespace

struct NodeFile::Statements {
  Database database;
  Statement begin, commit, rollback, upsert, erase, save_epoch;
};

NodeFile::NodeFile() : sql_(std::make_unique<Statements>()) {}

NodeFile::~NodeFile() = default;

Result<std::unique_ptr<NodeFile>> NodeFile::open(const std::string& path, NodeTree& tree) {
  auto file = std::unique_ptr<NodeFile>(new NodeFile);
  file->path_ = path;
  sqlite3* database = nullptr;
  // One lock of our own guards all use, so SQLite needs none inside.
  const int outcome = sqlite3_open_v2(path.c_str(), &database,
                                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  file->sql_->database.reset(database);
  if (outcome != SQLITE_OK) {
    return fail(ErrorCode::kafka_storage_error,
                fmt::format("The metadata file {} can't be opened: {}.", path, sqlite3_errstr(outcome)));
  }
  if (auto prepared = file->prepare(tree); !prepared) return std::unexpected(prepared.error());
  return file;
}

Result<void> NodeFile::prepare(NodeTree& tree) {
  sqlite3* database = sql_->database.get();
  // Exclusive locking keeps other processes out and needs no shared-memory file, for which a full disk may have no
  // room; it must come before anything that looks into the file.
  const bool opened = execute(database, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;");
  if (!opened) {
    const int code = sqlite3_errcode(database);
    const bool held = code == SQLITE_BUSY || code == SQLITE_LOCKED;
    return fail(ErrorCode::kafka_storage_error,
                held ? fmt::format("The metadata file {} is in use by another process.", path_)
                     : fmt::format("The metadata file {} can't be used: {}.", path_, sqlite3_errmsg(database)));
  }
  set_sync(false);
  const std::int64_t id = read_number(database, "PRAGMA application_id");
  const std::int64_t version = read_number(database, "PRAGMA user_version");
  if (id == 0 && version == 0 && read_number(database, "SELECT count(*) FROM sqlite_master") == 0) {
    if (!execute(database, schema)) {
      return fail(ErrorCode::kafka_storage_error,
                  fmt::format("The metadata file {} can't be written: {}.", path_, sqlite3_errmsg(database)));
    }
  } else if (id != application_id || version != format_version) {
    return fail(
        ErrorCode::kafka_storage_error,
        fmt::format("{} is not a metadata file of this version (application id {}, format {}).", path_, id, version));
  }
  sql_->begin = prepare_statement(database, "BEGIN IMMEDIATE");
  sql_->commit = prepare_statement(database, "COMMIT");
  sql_->rollback = prepare_statement(database, "ROLLBACK");
  sql_->upsert = prepare_statement(database, "INSERT OR REPLACE INTO nodes VALUES (?,?,?,?,?,?,?,?,?)");
  sql_->erase = prepare_statement(database, "DELETE FROM nodes WHERE path = ?");
  sql_->save_epoch = prepare_statement(database, "INSERT OR REPLACE INTO store VALUES (0, ?)");
  reserve_space();
  return load(tree);
}

// A full disk must keep nobody from deleting topics, nor the broker from starting: the journal, which stays when the
// file is closed, gets its usual size on the disk at once. Where that is not possible, things go on without.
void NodeFile::reserve_space() {
  constexpr off_t usual_journal_bytes = 4'200'000;  // what SQLite lets it grow to: 1,000 pages and their headers
  int keep = 1;
  sqlite3_file_control(sql_->database.get(), nullptr, SQLITE_FCNTL_PERSIST_WAL, &keep);
  const int fd = ::open((path_ + "-wal").c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  (void)::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, usual_journal_bytes);
  ::close(fd);
}

Result<void> NodeFile::load(NodeTree& tree) {
  sqlite3* database = sql_->database.get();
  epoch_ = read_number(database, "SELECT epoch FROM store") + 1;
  // By path: a parent is a prefix of its children's paths and so comes before them.
  const Statement rows = prepare_statement(
      database,
      "SELECT path, data, czxid, mzxid, pzxid, ctime_ms, mtime_ms, version, cversion FROM nodes ORDER BY path");
  int outcome = SQLITE_ERROR;
  while (rows && (outcome = sqlite3_step(rows.get())) == SQLITE_ROW) {
    const std::string path = column_bytes(rows.get(), 0);
    Stat stat;
    stat.czxid = sqlite3_column_int64(rows.get(), 2);
    stat.mzxid = sqlite3_column_int64(rows.get(), 3);
    stat.pzxid = sqlite3_column_int64(rows.get(), 4);
    stat.ctime_ms = sqlite3_column_int64(rows.get(), 5);
    stat.mtime_ms = sqlite3_column_int64(rows.get(), 6);
    stat.version = sqlite3_column_int(rows.get(), 7);
    stat.cversion = sqlite3_column_int(rows.get(), 8);
    if (!is_valid_path(path) || !tree.restore(path, column_bytes(rows.get(), 1), stat)) {
      return fail(ErrorCode::kafka_storage_error,
                  fmt::format("The metadata file {} is damaged: node {} has no parent.", path_, path));
    }
  }
  if (outcome != SQLITE_DONE) {
    return fail(ErrorCode::kafka_storage_error,
                fmt::format("The metadata file {} can't be read: {}.", path_, sqlite3_errmsg(database)));
  }
  return {};
}

bool NodeFile::set_sync(bool sync) {
  if (sync == syncing_) return true;
  const char* pragma = sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL";
  if (!execute(sql_->database.get(), pragma)) return false;
  syncing_ = sync;
  return true;
}

bool NodeFile::write(const std::vector<Change>& changes, const NodeTree& tree) {
  std::set<std::string_view> touched;
  for (const Change& change : changes) {
    if (change.ephemeral) continue;  // sessions end with the process; the file never sees their nodes
    touched.insert(change.path);
    if (change.kind != Change::Kind::set) touched.insert(parent_path(change.path));
  }
  for (const std::string_view path : touched) {
    const NodeTree::Entry* entry = tree.find(path);
    if (entry && entry->stat.ephemeral_owner != 0) entry = nullptr;  // took the place of a persistent one
    const Statement& statement = entry ? sql_->upsert : sql_->erase;
    sqlite3_stmt* row = statement.get();
    sqlite3_bind_text(row, 1, path.data(), static_cast<int>(path.size()), SQLITE_STATIC);
    if (entry) {
      sqlite3_bind_blob(row, 2, entry->data.data(), static_cast<int>(entry->data.size()), SQLITE_STATIC);
      if (entry->data.empty()) sqlite3_bind_zeroblob(row, 2, 0);
      sqlite3_bind_int64(row, 3, entry->stat.czxid);
      sqlite3_bind_int64(row, 4, entry->stat.mzxid);
      sqlite3_bind_int64(row, 5, entry->stat.pzxid);
      sqlite3_bind_int64(row, 6, entry->stat.ctime_ms);
      sqlite3_bind_int64(row, 7, entry->stat.mtime_ms);
      sqlite3_bind_int(row, 8, entry->stat.version);
      sqlite3_bind_int(row, 9, entry->stat.cversion);
    }
    if (!run(statement)) return false;
  }
  if (epoch_saved_) return true;
  sqlite3_bind_int64(sql_->save_epoch.get(), 1, epoch_);
  return run(sql_->save_epoch);
}

Result<void> NodeFile::save(const std::vector<Change>& changes, const NodeTree& tree, bool sync) {
  if (set_sync(sync) && run(sql_->begin) && write(changes, tree) && run(sql_->commit)) {
    epoch_saved_ = true;
    return {};
  }
  std::string reason = sqlite3_errmsg(sql_->database.get());
  if (!sqlite3_get_autocommit(sql_->database.get())) run(sql_->rollback);
  return fail(ErrorCode::kafka_storage_error, fmt::format("The metadata file {} can't be written: {}.", path_, reason));
}

}  // namespace coordination::metadata_store
