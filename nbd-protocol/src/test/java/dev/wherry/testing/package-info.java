/**
 * What the tests of all modules share. It is found by ServiceLoader wherever this module's test jar
 * is on the class path; nothing has to be named in a test.
 */
@NullMarked
package dev.wherry.testing;

import org.jspecify.annotations.NullMarked;
