package dev.wherry.daemon.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.server.Peer;
import io.netty.channel.unix.DomainSocketAddress;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class AccessListTest {
  private static Peer peer(String address, @Nullable String name) {
    InetSocketAddress a = new InetSocketAddress(address, 1);
    return new Peer(1, a, a, name);
  }

  @ParameterizedTest
  @CsvSource({
    "10.0.0.0/8, 10.255.0.1, true",
    "10.0.0.0/8, 11.0.0.1, false",
    "127.0.0.1, 127.0.0.1, true",
    "127.0.0.1, 127.0.0.2, false",
    "fd00::/8, fd01::5, true",
    "fd00::/8, fe80::5, false",
    "'10.0.0.0/8,192.168.0.0/16', 192.168.7.7, true",
    "cn:host1, 127.0.0.1, false",
  })
  void anAddressIsInARangeOrNot(String rules, String address, boolean permitted) {
    assertEquals(permitted, AccessList.parse(rules).permits(peer(address, null)));
  }

  @Test
  void theNameOfACertificateCountsWherever() {
    AccessList list = AccessList.parse("cn:host1");
    assertTrue(list.permits(peer("1.2.3.4", "host1")));
    assertEquals(false, list.permits(peer("1.2.3.4", "host2")));
  }

  @Test
  void anEmptyListLetsInEveryone() {
    assertTrue(AccessList.parse("").permits(peer("1.2.3.4", null)));
  }

  @Test
  void unixSocketsAreGuardedByTheirFile() {
    DomainSocketAddress s = new DomainSocketAddress("/x");
    assertTrue(AccessList.parse("cn:host1").permits(new Peer(1, s, s, null)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"host", "10.0.0.0/", "10.0.0.0/33", "::1/129", "10.0.0/8", "cn:", ",", "a,,b"})
  void whatIsNoRuleIsRefused(String rules) {
    assertThrows(Refusal.class, () -> AccessList.parse(rules));
  }
}
