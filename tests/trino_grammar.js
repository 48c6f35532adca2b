// Reads a JSON array of statements from standard input, and prints an array of what Trino's grammar has against each of them.
// `make servers` bundles it, with the parser, into the servers folder.
import { TrinoSQL } from "dt-sql-parser";

let text = "";
process.stdin.on("data", (part) => (text += part));
process.stdin.on("end", () => {
  const judge = (sql) => new TrinoSQL().validate(sql).map((wrong) => `${wrong.message} (line ${wrong.startLine})`);
  process.stdout.write(JSON.stringify(JSON.parse(text).map(judge)));
});
