#if os(Linux)
    public import GatewayCore
    public import NIOCore

    /// A server that is to be asked every so often whether it is well.
    public struct ServerCheck: Sendable {
        /// How it is asked.
        public let check: HealthCheck
        /// As the settings name it.
        public let endpoint: GatewaySettings.Endpoint
        /// Where it is.
        public let address: SocketAddress
        private let gauge: ServerGauge

        init(_ check: HealthCheck, _ endpoint: GatewaySettings.Endpoint, _ address: SocketAddress, _ gauge: ServerGauge)
        {
            self.check = check
            self.endpoint = endpoint
            self.address = address
            self.gauge = gauge
        }

        /// A check has ended.
        ///
        /// - Parameter trouble: why the server is not well; nil when it is.
        public func report(_ trouble: String?) {
            self.gauge.checked(isGood: trouble == nil, reason: trouble ?? "check")
        }
    }

    extension ResolvedCluster {
        /// The checks of its servers; none where its settings ask for none.
        var checks: [ServerCheck] {
            guard let check = self.settings.health else { return [] }
            return self.settings.endpoints.indices.compactMap { index in
                self.addresses[index].first.map {
                    ServerCheck(check, self.settings.endpoints[index], $0, self.gauges[index])
                }
            }
        }
    }
#endif
