#include "harness/campaign/store.h"

#include <sqlite3.h>

#include <array>
#include <filesystem>
#include <functional>
#include <utility>

namespace moire {
namespace {

constexpr std::array<std::pair<FindingState, std::string_view>, 5> kStates = {{
    {FindingState::kNew, "new"},
    {FindingState::kConfirmed, "confirmed"},
    {FindingState::kKnown, "known"},
    {FindingState::kOurs, "ours"},
    {FindingState::kOpen, "open"},
}};

constexpr const char* kSchema = R"(
PRAGMA journal_mode=WAL;
PRAGMA synchronous=NORMAL;
CREATE TABLE IF NOT EXISTS finding (
  cause TEXT PRIMARY KEY, symptom TEXT NOT NULL, verdict TEXT NOT NULL, reason TEXT NOT NULL,
  operators TEXT NOT NULL, nodes INTEGER NOT NULL, configurations TEXT NOT NULL,
  bundle TEXT NOT NULL, times_seen INTEGER NOT NULL, state TEXT NOT NULL, note TEXT NOT NULL,
  expires TEXT NOT NULL, merged_into TEXT NOT NULL,
  first_seen TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ','now')),
  last_seen TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ','now')));
CREATE TABLE IF NOT EXISTS unconfirmed (symptom TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS stats (
  at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ','now')),
  seconds REAL, cases INTEGER, valid INTEGER, blocks INTEGER, corpus INTEGER, findings INTEGER,
  restarts INTEGER);
PRAGMA user_version=1;
)";

constexpr const char* kColumns =
    "cause, symptom, verdict, reason, operators, nodes, configurations, bundle, times_seen, state, "
    "note, expires, merged_into, first_seen, last_seen";

std::unexpected<Error> SqlError(sqlite3* database, std::string_view what) {
  const int code = sqlite3_errcode(database) & 0xff;
  const bool ours = code != SQLITE_FULL && code != SQLITE_IOERR && code != SQLITE_READONLY &&
                    code != SQLITE_CANTOPEN && code != SQLITE_BUSY;
  if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) {
    return Fail(ErrorCode::kInvalidInput, "{}: {}", what, sqlite3_errmsg(database));
  }
  return Fail(ours ? ErrorCode::kInternal : ErrorCode::kEnvironment, "{}: {}", what,
              sqlite3_errmsg(database));
}

// A prepared statement with its bindings.
class Statement {
 public:
  Statement(sqlite3* database, std::string_view sql) : database_(database) {
    sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement_, nullptr);
  }
  Statement(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(statement_); }

  Statement& Bind(std::string_view text) {
    sqlite3_bind_text(statement_, ++bound_, text.data(), static_cast<int>(text.size()),
                      SQLITE_TRANSIENT);
    return *this;
  }
  Statement& Bind(int64_t value) {
    sqlite3_bind_int64(statement_, ++bound_, value);
    return *this;
  }
  Statement& Bind(double value) {
    sqlite3_bind_double(statement_, ++bound_, value);
    return *this;
  }
  Statement& Bind(uint64_t value) { return Bind(static_cast<int64_t>(value)); }

  // Calls row() for each result row.
  Status Run(const std::function<void()>& row = [] {}) {
    if (statement_ == nullptr) return SqlError(database_, Place());
    while (true) {
      const int code = sqlite3_step(statement_);
      if (code == SQLITE_DONE) return {};
      if (code != SQLITE_ROW) return SqlError(database_, Place());
      row();
    }
  }
  std::string Text(int column) const {
    const auto* text = sqlite3_column_text(statement_, column);
    return text == nullptr ? "" : reinterpret_cast<const char*>(text);
  }
  int64_t Integer(int column) const { return sqlite3_column_int64(statement_, column); }

 private:
  std::string Place() const {
    return fmt::format("cannot use '{}'", sqlite3_db_filename(database_, "main"));
  }

  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
};

StoredFinding ReadFinding(const Statement& row) {
  StoredFinding out;
  out.cause = row.Text(0);
  out.symptom = row.Text(1);
  out.verdict = row.Text(2);
  out.reason = row.Text(3);
  out.operators = row.Text(4);
  out.nodes = row.Integer(5);
  out.configurations = row.Text(6);
  out.bundle = row.Text(7);
  out.times_seen = row.Integer(8);
  out.state = ParseFindingState(row.Text(9)).value_or(FindingState::kNew);
  out.note = row.Text(10);
  out.expires = row.Text(11);
  out.merged_into = row.Text(12);
  out.first_seen = row.Text(13);
  out.last_seen = row.Text(14);
  return out;
}

}  // namespace

std::string_view Name(FindingState state) {
  for (const auto& [value, name] : kStates) {
    if (value == state) return name;
  }
  return "new";
}

std::optional<FindingState> ParseFindingState(std::string_view name) {
  for (const auto& [value, text] : kStates) {
    if (text == name) return value;
  }
  return std::nullopt;
}

void Store::Closer::operator()(sqlite3* database) const { sqlite3_close(database); }
Store::Store(sqlite3* database) : database_(database) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Result<Store> Store::Open(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return Fail(ErrorCode::kEnvironment, "cannot make the directory '{}': {}", directory,
                error.message());
  }
  const std::string path = directory + "/moire.db";
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &database,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  Store store(database);
  if (code != SQLITE_OK) return SqlError(database, fmt::format("cannot open '{}'", path));
  sqlite3_busy_timeout(database, 10'000);
  if (sqlite3_exec(database, kSchema, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return SqlError(database, fmt::format("cannot use '{}'", path));
  }
  return store;
}

Result<Store> Store::OpenExisting(const std::string& directory) {
  if (!std::filesystem::exists(directory + "/moire.db")) {
    return Fail(ErrorCode::kNotFound, "'{}' holds no campaign (no moire.db)", directory);
  }
  return Open(directory);
}

Status Store::Record(const StoredFinding& finding) {
  Statement statement(
      database_.get(),
      "INSERT INTO finding (cause, symptom, verdict, reason, operators, nodes, configurations, "
      "bundle, times_seen, state, note, expires, merged_into) "
      "VALUES (?,?,?,?,?,?,?,?,0,?,?,?,?) ON CONFLICT(cause) DO NOTHING");
  MOIRE_TRY(statement.Bind(finding.cause)
                .Bind(finding.symptom)
                .Bind(finding.verdict)
                .Bind(finding.reason)
                .Bind(finding.operators)
                .Bind(finding.nodes)
                .Bind(finding.configurations)
                .Bind(finding.bundle)
                .Bind(Name(finding.state))
                .Bind(finding.note)
                .Bind(finding.expires)
                .Bind(finding.merged_into)
                .Run());
  return AddSightings(finding.cause, finding.times_seen);
}

Status Store::AddSightings(std::string_view cause, int64_t count) {
  Statement statement(database_.get(),
                      "UPDATE finding SET times_seen = times_seen + ?, "
                      "last_seen = strftime('%Y-%m-%dT%H:%M:%SZ','now') WHERE cause = ? "
                      "OR cause = (SELECT merged_into FROM finding WHERE cause = ?)");
  return statement.Bind(count).Bind(cause).Bind(cause).Run();
}

Result<std::vector<StoredFinding>> Store::Findings() const {
  std::vector<StoredFinding> out;
  Statement statement(database_.get(),
                      fmt::format("SELECT {} FROM finding ORDER BY first_seen, cause", kColumns));
  MOIRE_TRY(statement.Run([&] { out.push_back(ReadFinding(statement)); }));
  return out;
}

Result<StoredFinding> Store::Find(std::string_view cause) const {
  std::vector<StoredFinding> matches;
  MOIRE_ASSIGN(const auto all, Findings());
  for (const StoredFinding& finding : all) {
    if (finding.cause == cause) return finding;
    if (finding.cause.starts_with(cause) || finding.bundle == cause) matches.push_back(finding);
  }
  if (matches.size() == 1) return matches.front();
  if (matches.empty()) {
    return Fail(ErrorCode::kNotFound, "no finding '{}'; `moire findings list` shows them", cause);
  }
  return Fail(ErrorCode::kInvalidInput, "'{}' names {} findings; give more of it", cause,
              matches.size());
}

Status Store::Mark(std::string_view cause, FindingState state, std::string_view note,
                   std::string_view expires) {
  MOIRE_ASSIGN(const StoredFinding found, Find(cause));
  Statement statement(database_.get(),
                      "UPDATE finding SET state = ?, note = ?, expires = ? WHERE cause = ?");
  return statement.Bind(Name(state)).Bind(note).Bind(expires).Bind(found.cause).Run();
}

Status Store::Merge(std::string_view cause, std::string_view into) {
  MOIRE_ASSIGN(const StoredFinding from, Find(cause));
  MOIRE_ASSIGN(const StoredFinding target, Find(into));
  if (from.cause == target.cause) {
    return Fail(ErrorCode::kInvalidInput, "cannot merge '{}' into itself", cause);
  }
  if (!target.merged_into.empty()) {
    return Fail(ErrorCode::kInvalidInput, "'{}' is itself merged into '{}'", into,
                target.merged_into);
  }
  // What was merged into the one that goes follows it.
  Statement statement(database_.get(),
                      "UPDATE finding SET merged_into = ?1 WHERE cause = ?2 OR merged_into = ?2");
  MOIRE_TRY(statement.Bind(target.cause).Bind(from.cause).Run());
  return AddSightings(target.cause, from.times_seen);
}

Status Store::MergeEnds(std::string_view cause, std::string_view into) {
  MOIRE_ASSIGN(const StoredFinding from, Find(cause));
  MOIRE_ASSIGN(const StoredFinding target, Find(into));
  const std::string& end = from.merged_into.empty() ? from.cause : from.merged_into;
  const std::string& other = target.merged_into.empty() ? target.cause : target.merged_into;
  if (end == other) return {};
  return Merge(end, other);
}

Status Store::AddUnconfirmed(std::string_view symptom, int64_t count) {
  Statement statement(database_.get(),
                      "INSERT INTO unconfirmed VALUES (?,?) ON CONFLICT(symptom) DO UPDATE SET "
                      "count = count + excluded.count");
  return statement.Bind(symptom).Bind(count).Run();
}

Result<int64_t> Store::UnconfirmedCount() const {
  int64_t count = 0;
  Statement statement(database_.get(), "SELECT COALESCE(SUM(count), 0) FROM unconfirmed");
  MOIRE_TRY(statement.Run([&] { count = statement.Integer(0); }));
  return count;
}

Status Store::AddStats(const StatsRow& row) {
  Statement statement(database_.get(),
                      "INSERT INTO stats (seconds, cases, valid, blocks, corpus, findings, "
                      "restarts) VALUES (?,?,?,?,?,?,?)");
  return statement.Bind(row.seconds)
      .Bind(row.cases)
      .Bind(row.valid)
      .Bind(row.blocks)
      .Bind(row.corpus)
      .Bind(row.findings)
      .Bind(row.restarts)
      .Run();
}

}  // namespace moire
