# Benchmarks/soak.json as the table in docs/proxy.md.

def thousands: tostring | [while(length > 0; .[:-3]) | .[-3:]] | reverse | join(",");
def mib: . / 1024 * 10 | round / 10 | "\(.) MiB";
# mark WHAT: a mark at what was missed.
def mark($missed; $what): if $missed | index($what) then " **missed**" else "" end;

.missed as $missed
| "| what | bar | measured |",
  "|---|---|---|",
  "| resident memory of an idle connection, of \(.idle.connections | thousands) after a request each | ≤ \(.idle.bar_bytes / 1024) KiB | \(.idle.bytes_per_connection / 1024 * 100 | round / 100) KiB\(mark($missed; "memory of an idle connection")) |",
  "| … of them ended by the proxy | 0 | \(.idle.ended_by_proxy)\(mark($missed; "idle connections that ended")) |",
  "| … descriptors before, with them, and afterwards | as many as before | \([.idle.descriptors | .before, .held, .after | thousands] | join(" → "))\(mark($missed; "descriptors after idle connections")) |",
  "| requests over \(.load.clients) connections; failed | 0 | \(.load.requests | thousands); \(.load.failed)\(mark($missed; "requests that failed")) |",
  "| … resident memory, median of the second and of the last quarter | ≤ 1.02 × and 1 MiB more | \(.load.rss_kib.second_quarter | mib) → \(.load.rss_kib.last_quarter | mib)\(mark($missed; "memory under load")) |",
  "| … descriptors before and afterwards | as many as before | \([.load.descriptors | .before, .after] | join(" → "))\(mark($missed; "descriptors after load")) |",
  "",
  "\(.date[:10]), commit \(.commit[:7])\(if .commit | contains("changes") then " and changes" else "" end), \(.load.rps | thousands) requests a second on \(.machine.cores) cores shared with the load and the origin (\(.machine.cpu), load average \(.loadAverage[0]))."
