/**
 * {@code wherry}, the command line. It talks REST and nothing else, but for {@code catalog check},
 * which is for when no daemon runs. One class per noun; a verb is a method.
 */
@NullMarked
package dev.wherry.cli;

import org.jspecify.annotations.NullMarked;
