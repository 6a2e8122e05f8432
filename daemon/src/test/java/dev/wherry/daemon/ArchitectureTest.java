package dev.wherry.daemon;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The direction of dependencies: daemon, path-plugins, nbd-protocol; never back. */
@AnalyzeClasses(packages = "dev.wherry", importOptions = ImportOption.DoNotIncludeTests.class)
final class ArchitectureTest {
  @ArchTest
  static final ArchRule theProtocolKnowsNeitherVolumesNorFilesNorTheWeb =
      noClasses()
          .that()
          .resideInAPackage("dev.wherry.nbd..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "dev.wherry.path..",
              "dev.wherry.daemon..",
              "dev.wherry.cli..",
              "io.vertx..",
              "org.sqlite..",
              "net.openhft..");

  @ArchTest
  static final ArchRule pathPluginsKnowNeitherTheDaemonNorTheWeb =
      noClasses()
          .that()
          .resideInAPackage("dev.wherry.path..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "dev.wherry.daemon..", "dev.wherry.cli..", "io.vertx..", "org.sqlite..");

  @ArchTest
  static final ArchRule theDaemonKnowsNothingOfTheCommandLine =
      noClasses()
          .that()
          .resideInAPackage("dev.wherry.daemon..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("dev.wherry.cli..");

  @ArchTest
  static final ArchRule theCommandLineTalksRestAlone =
      noClasses()
          .that()
          .resideInAPackage("dev.wherry.cli..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "dev.wherry.daemon.volume..", "dev.wherry.daemon.api..", "io.vertx..");

  @ArchTest
  static final ArchRule onlyTheCatalogKnowsSql =
      noClasses()
          .that()
          .resideOutsideOfPackage("dev.wherry.daemon.catalog..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("java.sql..", "org.sqlite..");

  @ArchTest
  static final ArchRule namesSayWhatAThingIs =
      noClasses()
          .should()
          .haveSimpleNameEndingWith("Util")
          .orShould()
          .haveSimpleNameEndingWith("Utils")
          .orShould()
          .haveSimpleNameEndingWith("Manager")
          .orShould()
          .haveSimpleNameEndingWith("Helper");
}
