package dev.wherry.daemon.volume;

import dev.wherry.nbd.server.Peer;
import io.netty.handler.ipfilter.IpFilterRuleType;
import io.netty.handler.ipfilter.IpSubnetFilterRule;
import io.netty.util.NetUtil;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;

/**
 * Who may attach a volume: address ranges ({@code 10.0.0.0/8}, {@code ::1}) and names of verified
 * client certificates ({@code cn:host1}). One match is enough. An empty list lets in everyone who
 * can connect. Unix sockets are not asked: their file's mode decides. Immutable.
 */
public final class AccessList {
  private static final int MOST_RULES = 256;

  private final List<String> rules;
  private final List<IpSubnetFilterRule> ranges = new ArrayList<>();
  private final List<String> names = new ArrayList<>();

  private AccessList(List<String> rules) {
    this.rules = rules;
  }

  /** Reads the rules; refuses those that cannot be read. */
  static AccessList of(List<String> rules) {
    if (rules.size() > MOST_RULES) {
      throw Refusal.impossible(rules.size() + " access rules are more than " + MOST_RULES);
    }
    AccessList list = new AccessList(List.copyOf(rules));
    for (String rule : rules) {
      if (rule.startsWith("cn:") && rule.length() > 3) {
        list.names.add(rule.substring(3));
      } else {
        list.ranges.add(range(rule));
      }
    }
    return list;
  }

  /** Reads {@code RULE,RULE…}; empty text is an empty list. */
  public static AccessList parse(String text) {
    List<String> rules = new ArrayList<>();
    for (String rule : text.split(",", -1)) {
      if (!rule.isBlank()) {
        rules.add(rule.trim());
      } else if (!text.isBlank()) {
        throw Refusal.malformed("access list '" + text + "' has an empty rule");
      }
    }
    return of(rules);
  }

  List<String> rules() {
    return rules;
  }

  boolean permits(Peer peer) {
    if (rules.isEmpty() || !(peer.address() instanceof InetSocketAddress address)) {
      return true;
    }
    String name = peer.certificateName();
    return (name != null && names.contains(name))
        || ranges.stream().anyMatch(r -> r.matches(address));
  }

  private static IpSubnetFilterRule range(String rule) {
    int slash = rule.indexOf('/');
    String address = slash < 0 ? rule : rule.substring(0, slash);
    boolean six = address.indexOf(':') >= 0;
    boolean valid = six ? NetUtil.isValidIpV6Address(address) : NetUtil.isValidIpV4Address(address);
    try {
      if (!valid) {
        throw new IllegalArgumentException(address);
      }
      int bits = slash < 0 ? (six ? 128 : 32) : Integer.parseInt(rule.substring(slash + 1));
      return new IpSubnetFilterRule(address, bits, IpFilterRuleType.ACCEPT);
    } catch (IllegalArgumentException e) {
      throw Refusal.malformed(
          "access rule '" + rule + "' is not an address, ADDRESS/BITS or cn:NAME");
    }
  }
}
