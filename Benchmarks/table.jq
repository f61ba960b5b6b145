# The results as lines with tabs, for `column`.

def shown: [.rps, .cpu_us, .p50_ms, .p99_ms, .rss_mib, .others_percent] | map(. // "-");
def ratio($a; $b): if $a and $b then $a / $b * 100 | round / 100 else "-" end;

(["work", "proxy", "req/s", "µs CPU/req", "p50 ms", "p99 ms", "RSS MiB", "others %"] | @tsv),
(.work | to_entries[] | .key as $work | .value as $proxies
    | ($proxies | to_entries[] | [$work, .key] + (.value | shown) | @tsv),
      (("detour", "detour-pooled") as $name | $proxies[$name] | select(.) | . as $ours
        | $proxies | to_entries[] | select((.key | startswith("detour") | not) and .key != "none")
        | [$work, $name + "/" + .key, ratio($ours.rps; .value.rps), ratio($ours.cpu_us; .value.cpu_us),
           ratio($ours.p50_ms; .value.p50_ms), ratio($ours.p99_ms; .value.p99_ms), "", ""] | @tsv))
